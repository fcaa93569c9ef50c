// What is chosen at the moment, and the toggles of both toolbars.
const state = {filter: everything(), order: "file", shown: [], selected: null};
const LAYERS = [
  {name: "truth", key: "g", text: hasPrediction ? "Ground truth" : "Objects", swatch: "of-truth", dashed: false},
  {name: "prediction", key: "p", text: "Prediction", swatch: "of-hit", dashed: true},
  {name: "labels", key: "l", text: "Labels", swatch: "", dashed: false},
];
const isHidden = name => document.body.classList.contains(`hide-${name}`);
function toggle(name) {
  const hidden = document.body.classList.toggle(`hide-${name}`);
  for (const button of document.querySelectorAll(`[data-layer="${name}"]`)) button.setAttribute("aria-pressed", String(!hidden));
}
function swatch(colour, isDashed) {
  const mark = make("i", {className: `swatch ${colour}${isDashed ? " dashed" : ""}`});
  mark.style.color = "var(--colour)";
  return mark;
}
function layerButtons() {
  return LAYERS.filter(one => one.name !== "prediction" || hasPrediction).map(one => {
    const button = make("button", {type: "button", title: `Show or hide (${one.key})`, "aria-pressed": String(!isHidden(one.name)), "aria-keyshortcuts": one.key, onclick: () => toggle(one.name)}, [...(one.swatch && hasPrediction ? [swatch(one.swatch, one.dashed)] : []), one.text]);
    button.dataset.layer = one.name;
    return button;
  });
}
