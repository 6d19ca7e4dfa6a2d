// What fingers, mouse and keys do on the stage: pan, zoom, pinch, draw, hover, tap.

const SLIP = 6; // screen pixels a finger may move and still tap
const WHEEL = 0.0015;
const PINCHED_WHEEL = 0.01; // a trackpad sends a pinch as a wheel with Ctrl, in small steps
const STEP = 48; // screen pixels an arrow key pans

export class Gestures {
  /**
   * actions: begin(position), extend(position), finish(), abandon(), hover(pixel or null, event), tap(pixel, event).
   * `tool`: "move", "box" or "brush". Positions are in pixels of the image.
   */
  constructor(stage, cursor, actions) {
    Object.assign(this, { stage, cursor, actions, tool: "move", drawing: false, at: null });
    this.pointers = new Map();
    this.panning = false;
    this.spaceHeld = false;
    const root = stage.root;
    root.addEventListener("pointerdown", (event) => this.#down(event));
    root.addEventListener("pointermove", (event) => this.#move(event));
    root.addEventListener("pointerup", (event) => this.#up(event));
    root.addEventListener("pointercancel", (event) => this.#cancel(event));
    // A finger that is lifted leaves as well; what its tap has shown stays.
    root.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && this.actions.hover(null));
    root.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("blur", () => this.#hideCursor());
    root.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  set tool(name) {
    this.current = name;
    this.stage.root.dataset.tool = name;
    if (name === "move") this.#hideCursor();
  }

  get tool() {
    return this.current;
  }

  /** Drop a box or stroke that was begun; whether there was one. */
  abandon() {
    const was = this.drawing;
    this.drawing = false;
    if (was) this.actions.abandon();
    return was;
  }

  #ready() {
    return this.stage.width > 0;
  }

  #down(event) {
    if (!this.#ready() || event.target.closest("button, select, .divider")) return;
    this.stage.root.setPointerCapture(event.pointerId);
    this.#hideCursor();
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.pointers.size === 2) {
      this.abandon();
      this.panning = false;
      this.started.moved = true;
      this.pinch = this.#spread();
    } else if (this.pointers.size === 1) {
      this.started = { x: event.clientX, y: event.clientY, moved: false };
      this.panning = this.tool === "move" || event.button === 1;
      if (!this.panning && event.button === 0) {
        this.drawing = true;
        this.actions.begin(this.stage.positionAt(event.clientX, event.clientY));
      }
    }
  }

  #move(event) {
    if (!this.#ready()) return;
    const last = this.pointers.get(event.pointerId);
    if (!last) {
      this.actions.hover(this.stage.pixelAt(event.clientX, event.clientY), event);
      return;
    }
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.pointers.size >= 2) {
      const now = this.#spread();
      this.stage.pan(now.x - this.pinch.x, now.y - this.pinch.y);
      if (this.pinch.width > 0) this.stage.zoom(now.width / this.pinch.width, now.x, now.y);
      this.pinch = now;
    } else if (this.drawing) {
      this.#noteMove(event);
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) this.actions.extend(this.stage.positionAt(one.clientX, one.clientY));
    } else if (this.panning) {
      this.#noteMove(event);
      if (this.started.moved) this.stage.pan(event.clientX - last.x, event.clientY - last.y);
    }
  }

  #up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    const asked = (this.panning || this.tool === "box") && !this.started.moved; // a tap, which draws no box
    if (this.drawing && asked) this.abandon();
    if (this.drawing && this.pointers.size === 0) {
      this.drawing = false;
      this.actions.finish();
    } else if (asked) {
      this.actions.tap(this.stage.pixelAt(event.clientX, event.clientY), event);
    }
    this.panning = false;
    if (this.pointers.size >= 2) this.pinch = this.#spread();
  }

  #cancel(event) {
    this.pointers.delete(event.pointerId);
    this.panning = false;
    this.abandon();
  }

  #noteMove(event) {
    this.started.moved ||= Math.hypot(event.clientX - this.started.x, event.clientY - this.started.y) > SLIP;
  }

  /** The middle of the first two pointers and how far they are apart. */
  #spread() {
    const [a, b] = [...this.pointers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, width: Math.hypot(a.x - b.x, a.y - b.y) };
  }

  #wheel(event) {
    if (!this.#ready()) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const speed = event.ctrlKey ? PINCHED_WHEEL : WHEEL;
    this.stage.zoom(Math.exp(-event.deltaY * lines * speed), event.clientX, event.clientY);
  }

  // --- keys: arrows pan, or move a cross that draws ---------------------------------------------------------------------

  #key(event) {
    if (!this.#ready() || event.target !== this.stage.root || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (arrow) {
      event.preventDefault();
      if (this.tool === "move") this.stage.pan(-arrow[0] * STEP, -arrow[1] * STEP);
      else this.#moveCursor(arrow, event.shiftKey);
    } else if ((event.key === "Enter" || event.key === " ") && this.tool !== "move") {
      event.preventDefault();
      this.at ??= { x: this.stage.width / 2, y: this.stage.height / 2 };
      this.drawing = !this.drawing;
      if (this.drawing) this.actions.begin(this.at);
      else this.actions.finish();
      this.placeCursor();
    }
  }

  #moveCursor([dx, dy], fine) {
    const { width, height } = this.stage;
    const step = fine ? 1 : Math.max(1, Math.round(Math.max(width, height) / 60));
    this.at ??= { x: width / 2, y: height / 2 };
    this.at = {
      x: Math.min(width, Math.max(0, this.at.x + dx * step)),
      y: Math.min(height, Math.max(0, this.at.y + dy * step)),
    };
    if (this.drawing) this.actions.extend(this.at);
    this.placeCursor();
    this.actions.hover({ x: Math.min(width - 1, Math.floor(this.at.x)), y: Math.min(height - 1, Math.floor(this.at.y)) });
  }

  /** Put the cross where it belongs, after moving it or the view. */
  placeCursor() {
    this.cursor.hidden = !this.at;
    if (!this.at) return;
    const { left, top } = this.stage.screenOf(this.at.x, this.at.y);
    this.cursor.style.left = `${left}px`;
    this.cursor.style.top = `${top}px`;
  }

  #hideCursor() {
    if (this.at && this.drawing) this.abandon();
    this.at = null;
    this.cursor.hidden = true;
  }
}
