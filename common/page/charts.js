"use strict";
const templates = JSON.parse(document.getElementById("templates").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
async function draw() {
  for (const place of document.querySelectorAll(".plot")) {
    const figure = JSON.parse(place.nextElementSibling.textContent);
    figure.layout.template = templates[dark.matches ? "dark" : "light"];
    Plotly.react(place, figure.data, figure.layout, { responsive: true, displayModeBar: false });
    performance.mark("drawn");
    await new Promise((then) => setTimeout(then)); // what is drawn is seen before the next one is
  }
}
dark.addEventListener("change", draw);
draw();
