// Draws the figures that the server put beside the charts, in the colours of the theme.
"use strict";
(() => {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  // A custom property may hold light-dark(...); only a real property resolves it.
  const colour = (token) => {
    probe.style.color = `var(--${token})`;
    return getComputedStyle(probe).color;
  };

  const themed = (figure) => {
    const [ink, muted, line, surface] = ["ink", "ink-3", "line", "raised"].map(colour);
    const font = { family: getComputedStyle(document.body).fontFamily, size: 12, color: muted };
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, tickcolor: line };
    const data = figure.data.map((trace) => {
      const mark = colour(`series-${trace.meta.colour}`);
      if (trace.type === "scatter") return { ...trace, line: { ...trace.line, color: mark } };
      const pattern = { ...trace.marker.pattern, fgcolor: mark, bgcolor: colour("surface"), solidity: 0.55, size: 5 };
      if (trace.type === "scatter") return { ...trace, line: { ...trace.line, color: mark } };
      return { ...trace, marker: { ...trace.marker, color: mark, line: { width: 0 }, pattern } };
    });
    const layout = {
      ...figure.layout,
      font,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { bgcolor: surface, bordercolor: line, font: { ...font, color: ink } },
      xaxis: { ...figure.layout.xaxis, ...axis, showgrid: false },
      yaxis: { ...figure.layout.yaxis, ...axis },
    };
    return { data, layout };
  };

  // Dragging over bars asks for that range; the address is how the page is told anything.
  const zoomTo = (event) => {
    const [from, to] = [event["xaxis.range[0]"], event["xaxis.range[1]"]];
    if (!from || !to) return;
    const url = new URL(location.href);
    ["range", "rows"].forEach((name) => url.searchParams.delete(name));
    url.searchParams.set("from", minute(from));
    url.searchParams.set("to", minute(to));
    if (minute(from) !== minute(to)) location.assign(url);
  };
  const minute = (text) => {
    const [day, time = "00:00"] = text.split(" ");
    return `${day}T${time.slice(0, 5)}`;
  };

  const draw = (element) => {
    const source = document.getElementById(element.dataset.chart);
    if (!source) return;
    const { data, layout } = themed(JSON.parse(source.querySelector("script").textContent));
    element.setAttribute("aria-label", source.dataset.summary);
    const first = !element.classList.contains("drawn");
    Plotly.react(element, data, layout, { displayModeBar: false, responsive: true, doubleClick: false });
    element.classList.add("drawn");
    if (first && layout.dragmode === "zoom") element.on("plotly_relayout", zoomTo);
  };
  const drawAll = () => document.querySelectorAll("[data-chart]").forEach(draw);

  drawAll();
  document.addEventListener("theme", drawAll);
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.target.id === "cost-figure") drawAll();
  });
})();
