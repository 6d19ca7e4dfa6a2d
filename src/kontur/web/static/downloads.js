// Files of a result: from the server where it knows the result, else label map and cut-out made here.

import * as api from "./api.js";
import { clearError, showError, status } from "./notice.js";
import { bytesOfBase64 } from "./png.js";

/** The formats that can be had without the server, of the result of a job. */
export const MADE_HERE = ["labels", "cutout"];

/** Wire the buttons that save the result of the chosen side. */
export function offerDownloads(workspace, stage) {
  document.getElementById("downloads").addEventListener("click", async (event) => {
    const format = event.target.dataset.format;
    const { result } = workspace.side;
    if (!format || !result) return;
    clearError();
    try {
      status("status.saved", { name: await download(workspace.image.session, result, format, stage.photo) });
    } catch (error) {
      showError(error);
    }
  });
}

/** Save one file; resolves to its name. result: of the session, or of a job (then `result.result` is null). */
async function download(session, result, format, photo) {
  const level = result.setLevel ? result.level : null;
  const file = result.result
    ? await api.exported(session, result.result, format, level)
    : { blob: await madeHere(result, format, photo), name: `kontur.${format}.png` };
  save(file);
  return file.name;
}

function save({ blob, name }) {
  const address = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

async function madeHere(result, format, photo) {
  if (format === "labels") return new Blob([bytesOfBase64(result.labelsPNG)], { type: "image/png" });
  const canvas = Object.assign(document.createElement("canvas"), { width: result.width, height: result.height });
  const context = canvas.getContext("2d");
  context.drawImage(photo, 0, 0);
  const pixels = context.getImageData(0, 0, result.width, result.height);
  for (let i = 0; i < result.values.length; i++) {
    if (result.values[i] === 0 || result.values[i] === result.background) pixels.data[4 * i + 3] = 0;
  }
  context.putImageData(pixels, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
