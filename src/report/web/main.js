// Keys, and the start.
const SHORTCUTS = [
  [["→", "j"], "next sample"], [["←", "k"], "previous sample"], [["↑", "↓"], "sample above, below"], [["Enter"], "open large"], [["Esc"], "close"],
  [["g"], "ground truth on, off"], [["p"], "prediction on, off"], [["l"], "labels on, off"], [["[", "]"], "previous, next step or group"],
  [["+", "−"], "zoom"], [["0"], "fit to the window"], [["w"], "sort by worst"], [["/"], "filter"], [["?"], "these keys"],
];
const help = byId("help");
function setUpHelp() {
  for (const [keys, text] of SHORTCUTS) byId("help-keys").append(make("dt", {}, keys.map(key => make("kbd", {textContent: key}))), make("dd", {textContent: text}));
  byId("help-open").onclick = () => help.showModal();
}
const COMMON = {
  g: () => toggle("truth"), p: () => { if (hasPrediction) toggle("prediction"); }, l: () => toggle("labels"),
  "[": () => stepGroup(-1), "]": () => stepGroup(1), "?": () => help.showModal(),
};
const IN_GRID = {
  ArrowRight: () => step(1), j: () => step(1), ArrowLeft: () => step(-1), k: () => step(-1), ArrowDown: () => step(columns()), ArrowUp: () => step(-columns()),
  Enter: () => { if (state.selected) openViewer(state.selected); }, "/": () => byId("text").focus(),
  w: () => { if (isCompared) { state.order = "worst"; update(); } },
};
const IN_VIEWER = {
  ArrowRight: () => stepViewer(1), j: () => stepViewer(1), ArrowLeft: () => stepViewer(-1), k: () => stepViewer(-1), ArrowDown: () => stepViewer(1), ArrowUp: () => stepViewer(-1),
  "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), "0": fit, Enter: () => viewer.close(),
};
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const {target} = event;
  if (target.matches("input[type=search]")) {
    if (event.key === "Escape" || event.key === "Enter") { target.blur(); if (event.key === "Enter") step(0); event.preventDefault(); }
    return;
  }
  if (target.matches("input, select") && (event.key.startsWith("Arrow") || target.matches("select"))) return;
  // Enter and space press the button that has the focus.
  if (event.key === "Enter" && target.matches("button, summary, a")) return;
  const keys = {...COMMON, ...(viewer.open ? IN_VIEWER : IN_GRID)};
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});
document.title = data.title;
byId("title").textContent = data.title;
for (const [name, value] of data.facts) byId("facts").append(make("div", {}, [make("dt", {textContent: name}), make("dd", {textContent: value})]));
setUpHelp();
setUpControls();
summary(chooseClass);
update();
