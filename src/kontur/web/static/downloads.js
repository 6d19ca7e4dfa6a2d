// Files of a result, from the server: it keeps the result with the session or the job that it came of.

import * as api from "./api.js";
import { clearError, showError, status } from "./notice.js";

/** Wire the buttons that save the result of the chosen side. */
export function offerDownloads(workspace) {
  document.getElementById("downloads").addEventListener("click", async (event) => {
    const format = event.target.dataset.format;
    const { result } = workspace.side;
    if (!format || !result) return;
    clearError();
    try {
      const file = await api.exported(result.keeper, result.result, format, result.setLevel ? result.level : null);
      save(file);
      status("status.saved", { name: file.name });
    } catch (error) {
      showError(error);
    }
  });
}

function save({ blob, name }) {
  const address = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
