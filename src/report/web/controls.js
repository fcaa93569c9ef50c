// The toolbar: reads and shows the filter.
function options(select, values) {
  select.replaceChildren(...values.map(([value, text]) => make("option", {value, textContent: text})));
}
function chips(box, field, names, label, title, colour) {
  box.replaceChildren(...names.map(name => {
    const button = make("button", {type: "button", title: title(name), "aria-pressed": "false"}, [...(colour(name) ? [swatch(colour(name), ["hit", "extra", "duplicate"].includes(name))] : []), label(name), make("b")]);
    button.dataset[field] = name;
    button.onclick = () => {
      const chosen = state.filter[field];
      if (!chosen.delete(name)) chosen.add(name);
      update();
    };
    return button;
  }));
}
function setUpControls() {
  const verdicts = ["hit", "extra", "missed", "duplicate", "gone"].filter(name => isCompared ? name !== "gone" || data.samples.some(s => s.gone.length) : name === "gone" && data.samples.some(s => s.gone.length));
  chips(byId("verdicts"), "verdicts", verdicts, name => VERDICTS[name].short, name => `Samples with ${VERDICTS[name].long}`, name => `of-${name}`);
  chips(byId("sizes"), "sizes", SIZES, name => name, name => ({small: "area below 32 x 32 pixels", medium: "area from 32 x 32 to 96 x 96 pixels", large: "area of 96 x 96 pixels and more"})[name], () => "");
  options(byId("sort"), Object.entries(ORDERS).filter(([name]) => isCompared || name === "file" || name === "objects").map(([name, order]) => [name, order.name]));
  options(byId("dataset"), [["", "all"], ...datasets.map(name => [name, name])]);
  byId("dataset-field").hidden = datasets.length < 2;
  byId("answer-field").hidden = !data.samples.some(sample => !sample.valid || sample.finish !== "stop");
  byId("iou-field").hidden = !isCompared;
  byId("toggles").append(...layerButtons());
  byId("viewer-toggles").append(...layerButtons());
  byId("text").oninput = event => { state.filter.text = event.target.value.trim().toLowerCase(); update(); };
  for (const name of ["class", "dataset", "answer"]) byId(name).onchange = event => { state.filter[name] = event.target.value; update(); };
  byId("sort").onchange = event => { state.order = event.target.value; update(); };
  byId("scale").oninput = event => { document.documentElement.style.setProperty("--card-side", `${event.target.value}px`); fill(); };
  for (const [end, name] of ["iou-low", "iou-high"].entries()) byId(name).oninput = event => {
    state.filter.iou[end] = event.target.valueAsNumber;
    if (state.filter.iou[0] > state.filter.iou[1]) state.filter.iou[1 - end] = state.filter.iou[end];
    update();
  };
  byId("reset").onclick = byId("empty-reset").onclick = reset;
  setUpGroups();
}
function setUpGroups() {
  const box = byId("groups"), name = data.groupsLabel || "group";
  box.hidden = groups.length < 2;
  if (box.hidden) return;
  box.setAttribute("aria-label", name);
  const every = make("button", {type: "button", textContent: `every ${name}`, onclick: () => chooseGroup("")});
  every.dataset.group = "";
  if (groups.length <= 8) {
    box.append(every, ...groups.map(group => { const tab = make("button", {type: "button", textContent: group, onclick: () => chooseGroup(group)}); tab.dataset.group = group; return tab; }));
    return;
  }
  const slider = make("input", {type: "range", id: "group-slider", min: 0, max: groups.length - 1, value: groups.length - 1, "aria-label": name});
  slider.oninput = () => chooseGroup(groups[slider.valueAsNumber]);
  const play = make("button", {type: "button", id: "group-play", textContent: "▶", "aria-label": `Play every ${name}`});
  let timer = 0;
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = "▶"; };
  play.onclick = () => {
    if (timer) { stop(); return; }
    play.textContent = "❚❚";
    let next = groups.indexOf(state.filter.group) + 1;
    if (next >= groups.length) next = 0;
    timer = setInterval(() => { chooseGroup(groups[next]); next += 1; if (next >= groups.length) stop(); }, 600);
  };
  box.append(every, make("button", {type: "button", textContent: "‹", "aria-label": `Previous ${name}`, onclick: () => stepGroup(-1)}), slider,
    make("button", {type: "button", textContent: "›", "aria-label": `Next ${name}`, onclick: () => stepGroup(1)}), play, make("output", {id: "group-name", className: "group-name"}));
}
function chooseGroup(group) {
  const {family} = state.selected || {};
  state.filter.group = group;
  // The same picture stays selected.
  if (family) state.selected = relatives.get(family).find(sample => !group || sample.group === group) || state.selected;
  update();
}
function stepGroup(by) {
  if (groups.length < 2) return;
  if (viewer.open) { const family = relatives.get(view.sample.family); const next = family[family.indexOf(view.sample) + by]; if (next) show(next); return; }
  const now = groups.indexOf(state.filter.group);
  chooseGroup(groups[now < 0 ? (by > 0 ? 0 : groups.length - 1) : clamp(now + by, 0, groups.length - 1)]);
}
function reset() {
  state.filter = everything();
  state.order = "file";
  update();
}
function chooseClass(name) {
  state.filter.class = state.filter.class === name ? "" : name;
  update();
}
function update() {
  const {filter} = state;
  const {shown, objects, facets} = select(filter, state.order);
  state.shown = shown;
  if (!shown.includes(state.selected)) state.selected = null;
  showFilter(filter, facets);
  const ending = asksForObjects(filter) ? `, ${objects.toLocaleString("en")} matching object${objects === 1 ? "" : "s"}` : "";
  byId("count").textContent = `${shown.length.toLocaleString("en")} of ${data.samples.length.toLocaleString("en")} samples${ending}`;
  renderGrid();
}
function showFilter(filter, facets) {
  const count = (facet, name) => Object.hasOwn(facets[facet], name) ? facets[facet][name] : 0;
  for (const facet of ["verdicts", "sizes"]) for (const button of byId(facet).children) {
    const name = button.dataset[facet];
    button.setAttribute("aria-pressed", String(filter[facet].has(name)));
    button.querySelector("b").textContent = count(facet, name).toLocaleString("en");
  }
  options(byId("class"), [["", "all"], ...classes.map(name => [name, `${name} (${count("class", name).toLocaleString("en")})`])]);
  for (const name of ["class", "dataset", "answer"]) byId(name).value = filter[name];
  if (byId("text").value.trim().toLowerCase() !== filter.text) byId("text").value = filter.text;
  byId("sort").value = state.order;
  byId("iou-low").value = filter.iou[0];
  byId("iou-high").value = filter.iou[1];
  byId("iou-text").textContent = filter.iou[0] <= 0 && filter.iou[1] >= 1 ? "any" : `${filter.iou[0].toFixed(2)} to ${filter.iou[1].toFixed(2)}`;
  for (const button of document.querySelectorAll("[data-class]")) button.setAttribute("aria-pressed", String(button.dataset.class === filter.class));
  for (const button of byId("groups").querySelectorAll("[data-group]")) button.setAttribute("aria-pressed", String(button.dataset.group === filter.group));
  if (byId("group-slider")) {
    if (filter.group) byId("group-slider").value = groups.indexOf(filter.group);
    byId("group-name").textContent = filter.group || `every ${data.groupsLabel || "group"}`;
  }
}
