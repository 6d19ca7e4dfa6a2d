// Boxes and strokes turned into results: by the live session for GrabCut, else by running the method again with all of them.

import { duration } from "./i18n/language.js";
import { LIVE, Live } from "./live.js";
import { clearError, showError, showHint, status } from "./notice.js";
import { regionsOf } from "./results.js";

export class Prompting {
  /** putBack(index, result): gives a side a result, or null, and shows it. */
  constructor(workspace, marks, history, putBack) {
    Object.assign(this, { workspace, marks, history, putBack, side: 0 });
    this.live = new Live(
      (step, milliseconds) => this.#show(step, milliseconds),
      (error, count) => this.#refused(error, count),
    );
  }

  /** Another image is open. */
  begin(session) {
    this.live.begin(session);
  }

  /** PROMPTS of what is drawn and the method takes, or null. */
  promptsOf(method) {
    return method.prompts.length && !this.marks.empty ? this.marks.prompts(method.prompts) : null;
  }

  /** A mark has been drawn: ask for its result. */
  added() {
    const { marks, history } = this;
    history.did(
      () => marks.undo() && this.#rewind(),
      () => marks.redo() && this.#send(),
    );
    this.#send();
  }

  /** Take all marks away. */
  forget() {
    const kept = this.marks.done;
    if (!kept.length) return;
    this.#set([]);
    this.history.did(
      () => this.#set(kept),
      () => this.#set([]),
    );
  }

  get #isLive() {
    return this.workspace.method.name === LIVE;
  }

  #set(done) {
    this.marks.done = done;
    this.marks.undone = [];
    this.marks.draw();
    this.history.onChange();
    this.#rewind();
  }

  /** Ask for the result of the marks, of which the last one is new. */
  #send() {
    const { marks } = this;
    if (!this.#isLive) {
      this.#rerun();
      return;
    }
    const missing = marks.missing();
    if (missing) {
      showHint(`hint.${missing}`); // the mark stays, and is sent together with what completes it
      return;
    }
    this.side = this.workspace.active;
    this.live.add(marks.latest(), marks.prompts(), marks.done.length);
  }

  /** Ask for the result of the marks that are left. */
  #rewind() {
    const { marks, workspace } = this;
    if (this.#isLive) {
      let count = marks.done.length;
      while (marks.missing(count)) count--; // those that have a result
      this.live.rewind(marks.prompts(undefined, count), count);
    } else if (workspace.method.prompts.length) this.#rerun();
  }

  #rerun() {
    const { workspace, marks } = this;
    const prompts = this.promptsOf(workspace.method);
    const missing = workspace.method.task === "foreground" && workspace.method.needs_prompt && marks.missing();
    if (missing) showHint(`hint.${missing}`);
    else if (prompts || !workspace.method.needs_prompt) workspace.run(workspace.active, prompts);
    else this.putBack(workspace.active, null);
  }

  /** An answer of the live session, first the fast one, then the exact one. */
  async #show(step, milliseconds) {
    const { image } = this.workspace;
    const result = await regionsOf(step);
    if (!image || this.workspace.image !== image) return;
    clearError();
    if (result) Object.assign(result, { seconds: step.seconds ?? milliseconds / 1000, method: LIVE, keeper: `sessions/${image.session}` });
    this.putBack(this.side, result);
    document.getElementById("stage").dataset.step = `${step.step}${step.exact ? " exact" : ""}`;
    if (!result) status("status.ready");
    else if (step.exact) status("status.exact", { step: step.step });
    else status("status.fast", { step: step.step, time: duration(milliseconds / 1000) });
    const end = performance.now();
    performance.measure(step.exact ? "exact answer" : "fast answer", { start: end - milliseconds, end });
  }

  /** The server refused the mark number `count` (null: it refused something else). */
  #refused(error, count) {
    const { marks } = this;
    if (error.name === "AbortError") status("status.cancelled");
    showError(error);
    if (count === null || marks.done.length !== count) return;
    marks.undo();
    marks.undone = [];
    this.history.drop();
  }
}
