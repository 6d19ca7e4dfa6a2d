// Undo and redo: what was done, as pairs of functions.

const MOST = 200;

export class History {
  constructor(onChange) {
    this.onChange = onChange;
    this.past = [];
    this.future = [];
  }

  clear() {
    this.past = [];
    this.future = [];
    this.onChange();
  }

  /** Remember something that has just been done. undo and redo take it back and do it again. */
  did(undo, redo) {
    this.past.push({ undo, redo });
    if (this.past.length > MOST) this.past.shift();
    this.future = [];
    this.onChange();
  }

  /** Forget the last thing: it did not come about. */
  drop() {
    this.past.pop();
    this.onChange();
  }

  undo() {
    const last = this.past.pop();
    if (!last) return false;
    this.future.push(last);
    this.onChange();
    last.undo();
    return true;
  }

  redo() {
    const next = this.future.pop();
    if (!next) return false;
    this.past.push(next);
    this.onChange();
    next.redo();
    return true;
  }
}
