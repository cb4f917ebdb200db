"use strict";
const templates = JSON.parse(document.getElementById("templates").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
function draw() {
  for (const place of document.querySelectorAll(".plot")) {
    const figure = JSON.parse(place.nextElementSibling.textContent);
    figure.layout.template = templates[dark.matches ? "dark" : "light"];
    Plotly.react(place, figure.data, figure.layout, { responsive: true, displayModeBar: false });
  }
}
dark.addEventListener("change", draw);
draw();
