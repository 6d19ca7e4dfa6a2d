// The stage: the photo, two results over it, the marks; zoom, pan, and which pixel lies under a pointer.

const LEAST_ZOOM = 0.02;
const MOST_ZOOM = 40;
const PIXELATED_FROM = 3; // screen pixels a pixel from which pixels are shown as squares

export class Stage {
  /** root: the element with .picture > img, canvas.left, canvas.right, svg.marks. */
  constructor(root) {
    this.root = root;
    this.picture = root.querySelector(".picture");
    this.photo = root.querySelector("img");
    this.canvases = [root.querySelector("canvas.left"), root.querySelector("canvas.right")];
    this.marks = root.querySelector("svg.marks");
    this.width = this.height = 0;
    this.scale = 1;
    this.x = this.y = 0; // where the picture's corner lies on the stage, in screen pixels
    this.fitted = true;
    this.share = null; // of the stage's width that is the left result's, where there are two
    this.onView = () => {};
    new ResizeObserver(() => (this.fitted ? this.fit() : this.#place())).observe(root);
  }

  /** Show a photo of width x height pixels, from an address; resolves once it is decoded. */
  async show(url, width, height) {
    Object.assign(this, { width, height });
    this.pixels = [null, null];
    this.picture.hidden = false;
    for (const canvas of this.canvases) {
      canvas.width = width;
      canvas.height = height;
    }
    this.marks.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.photo.hidden = true; // the one before would be seen in the shape of this one
    this.photo.src = url;
    this.fit();
    await this.photo.decode();
    this.photo.hidden = false;
  }

  /** No photo any more. */
  clear() {
    this.width = this.height = 0;
    this.picture.hidden = true;
    this.photo.removeAttribute("src");
  }

  /** Draw a result into one of the two canvases (0 left, 1 right); null clears it. */
  paint(side, result, style, lit = null) {
    const canvas = this.canvases[side];
    canvas.hidden = !result;
    if (!result) return;
    const context = canvas.getContext("2d");
    this.pixels[side] ??= context.createImageData(this.width, this.height);
    result.paint(new Uint32Array(this.pixels[side].data.buffer), style, lit);
    context.putImageData(this.pixels[side], 0, 0);
  }

  set opacity(share) {
    for (const canvas of this.canvases) canvas.style.opacity = share;
  }

  /** Split the picture: the left canvas shows up to `share` of the stage's width, the right one from there. null: no split. */
  split(share) {
    this.share = share;
    const [left, right] = this.canvases;
    if (share === null) {
      left.style.clipPath = right.style.clipPath = "";
      return;
    }
    const at = ((share * this.root.clientWidth - this.x) / (this.width * this.scale)) * 100;
    const inside = Math.min(100, Math.max(0, at));
    left.style.clipPath = `inset(0 ${100 - inside}% 0 0)`;
    right.style.clipPath = `inset(0 0 0 ${inside}%)`;
  }

  /** The pixel under a place on the screen, as whole numbers; null outside the picture. */
  pixelAt(clientX, clientY) {
    const { x, y } = this.positionAt(clientX, clientY);
    const inside = x >= 0 && y >= 0 && x < this.width && y < this.height;
    return inside ? { x: Math.floor(x), y: Math.floor(y) } : null;
  }

  /** The same as fractions of pixels, outside as well. */
  positionAt(clientX, clientY) {
    const box = this.root.getBoundingClientRect();
    return { x: (clientX - box.left - this.x) / this.scale, y: (clientY - box.top - this.y) / this.scale };
  }

  /** Where a pixel's corner lies on the stage, in screen pixels from its corner. */
  screenOf(x, y) {
    return { left: this.x + x * this.scale, top: this.y + y * this.scale };
  }

  fit() {
    if (!this.width) return;
    const margin = 12;
    const [w, h] = [this.root.clientWidth, this.root.clientHeight];
    this.scale = Math.max(LEAST_ZOOM, Math.min((w - 2 * margin) / this.width, (h - 2 * margin) / this.height));
    this.x = (w - this.width * this.scale) / 2;
    this.y = (h - this.height * this.scale) / 2;
    this.fitted = true;
    this.#place();
  }

  /** Zoom by a factor; the place (clientX, clientY), by default the middle, stays where it is. */
  zoom(factor, clientX = null, clientY = null) {
    const box = this.root.getBoundingClientRect();
    const atX = (clientX ?? box.left + box.width / 2) - box.left;
    const atY = (clientY ?? box.top + box.height / 2) - box.top;
    const scale = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, this.scale * factor));
    this.x = atX - ((atX - this.x) * scale) / this.scale;
    this.y = atY - ((atY - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.#place();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.#place();
  }

  #place() {
    if (!this.width) return;
    // Some of the picture is always in sight.
    const keep = 40;
    const [w, h] = [this.root.clientWidth, this.root.clientHeight];
    this.x = Math.min(w - keep, Math.max(keep - this.width * this.scale, this.x));
    this.y = Math.min(h - keep, Math.max(keep - this.height * this.scale, this.y));
    const { style } = this.picture;
    style.left = `${this.x}px`;
    style.top = `${this.y}px`;
    style.width = `${this.width * this.scale}px`;
    style.height = `${this.height * this.scale}px`;
    this.picture.classList.toggle("pixelated", this.scale >= PIXELATED_FROM);
    this.onView();
  }
}
