// Two methods beside each other: the divider between their results, and the side of which the panels speak.

import { Divider } from "./divider.js";
import { radioRow } from "./radio.js";

const byId = (id) => document.getElementById(id);

export class Comparing {
  /** onLeave(): the panels are about to speak of another side; onEnter(): they do. onBegin(): the right side has just been added. */
  constructor(workspace, stage, showing, { onLeave, onEnter, onBegin }) {
    Object.assign(this, { workspace, stage, showing, onLeave, onEnter, onBegin });
    this.divider = new Divider(byId("divider"), () => this.divide());
    this.sides = radioRow(byId("sides"), "side", (index) => this.activate(Number(index)));
    byId("compare").addEventListener("change", (event) => this.#compare(event.target.checked));
  }

  /** Clip the two results at the divider, where there are two. */
  divide() {
    const { workspace, stage, divider } = this;
    stage.split(workspace.comparing && workspace.image ? divider.share : null);
  }

  /** Let the panels speak of a side. */
  activate(index) {
    this.onLeave();
    this.workspace.active = index;
    this.sides.choose(index);
    this.onEnter();
  }

  #compare(both) {
    const { workspace, showing } = this;
    workspace.comparing = both;
    byId("sides").hidden = !both;
    this.divider.show(both);
    if (!both && workspace.active === 1) this.activate(0);
    showing.paintBoth();
    showing.names();
    if (!both) return;
    this.activate(1);
    this.onBegin();
  }
}
