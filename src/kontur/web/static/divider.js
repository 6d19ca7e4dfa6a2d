// The line between two results, dragged by a pointer or moved by keys: a slider to a screen reader.

export class Divider {
  /** element: role="slider" inside the stage. onMove(share): called with the place, 0 left to 1 right. */
  constructor(element, onMove) {
    this.element = element;
    this.onMove = onMove;
    this.share = 0.5;
    element.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      event.stopPropagation();
      element.setPointerCapture(event.pointerId);
      element.focus();
    });
    element.addEventListener("pointermove", (event) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      const box = element.parentElement.getBoundingClientRect();
      this.move((event.clientX - box.left) / box.width);
    });
    element.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 0.1 : 0.02;
      const target = {
        ArrowLeft: this.share - step,
        ArrowDown: this.share - step,
        ArrowRight: this.share + step,
        ArrowUp: this.share + step,
        PageDown: this.share - 0.1,
        PageUp: this.share + 0.1,
        Home: 0,
        End: 1,
      }[event.key];
      if (target === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.move(target);
    });
  }

  get shown() {
    return !this.element.hidden;
  }

  show(visible) {
    this.element.hidden = !visible;
    this.onMove(visible ? this.share : null);
  }

  move(share) {
    this.share = Math.min(1, Math.max(0, share));
    this.element.style.left = `${this.share * 100}%`;
    this.element.setAttribute("aria-valuenow", String(Math.round(this.share * 100)));
    this.onMove(this.share);
  }
}
