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
  for (const button of document.querySelectorAll(`[data-layer="${name}"]`)) setPressed(button, !hidden);
}
function swatch(colour, isDashed) {
  const mark = make("i", {className: `swatch ${colour}${isDashed ? " dashed" : ""}`});
  mark.style.color = "var(--colour)";
  return mark;
}
function layerButtons() {
  return LAYERS.filter(one => one.name !== "prediction" || hasPrediction).map(one => {
    const mark = one.swatch && hasPrediction ? [swatch(one.swatch, one.dashed)] : [];
    const properties = {title: `Show or hide (${one.key})`, "aria-keyshortcuts": one.key};
    const button = pressButton([...mark, one.text], () => toggle(one.name), properties);
    setPressed(button, !isHidden(one.name));
    button.dataset.layer = one.name;
    return button;
  });
}
