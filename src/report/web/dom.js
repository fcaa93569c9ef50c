"use strict";
// Elements are made, never parsed from text: no description or answer can become markup.
const SVG = "http://www.w3.org/2000/svg";
const byId = id => document.getElementById(id);
function make(tag, properties = {}, children = []) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-")) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}
function svg(tag, attributes = {}, children = []) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
