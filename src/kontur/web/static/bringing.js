// The ways in which an image comes to the page: chosen, dropped, pasted, or one of the samples.

import { ApiError } from "./api.js";
import { sampleTitle, say } from "./i18n/language.js";
import { mostBytes, showError } from "./notice.js";

const NAMES = /\.(tiff?|png|jpe?g|webp|bmp)$/i; // files whose type the browser does not know

const byId = (id) => document.getElementById(id);

/** open(source, name): source is a File or { sample: name }. samples(): those offered. */
export function acceptImages(open, samples) {
  const openFiles = (files) => {
    const file = [...files].find((one) => one.type.startsWith("image/") || NAMES.test(one.name)) ?? files[0];
    if (!file) showError({ key: "error.nothing" });
    else if (file.size > mostBytes()) showError(new ApiError(413, ""));
    else open(file, file.name || say("image.pasted"));
  };

  for (const id of ["choose", "open"]) byId(id).addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", (event) => {
    if (event.target.files.length) openFiles(event.target.files);
    event.target.value = "";
  });
  byId("sample-select").addEventListener("change", (event) => {
    const sample = samples().find(({ name }) => name === event.target.value);
    event.target.value = "";
    if (sample) open({ sample: sample.name }, sampleTitle(sample));
  });

  let dragged = 0; // dragenter and dragleave also come from the elements inside
  document.addEventListener("dragenter", (event) => {
    event.preventDefault();
    dragged++;
    byId("drop").hidden = false;
  });
  document.addEventListener("dragleave", () => {
    dragged = Math.max(0, dragged - 1);
    if (!dragged) byId("drop").hidden = true;
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    dragged = 0;
    byId("drop").hidden = true;
    openFiles(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) openFiles(event.clipboardData.files);
  });
}
