// Steps through the paths of a section. Without this script the whole paths are a still picture.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const element = (parent, name, className) => {
    const made = document.createElementNS(SVG, name);
    made.setAttribute("class", className);
    return parent.appendChild(made);
  };

  for (const section of document.querySelectorAll(".surface")) {
    const steps = Number(section.dataset.steps);
    const player = section.querySelector(".player");
    const slider = player.querySelector("input");
    const output = player.querySelector("output");
    const play = player.querySelector(".play");
    const tracks = [...section.querySelectorAll(".track")].map((track) => {
      const svg = track.querySelector("svg");
      const points = svg.querySelector(".whole").getAttribute("points").split(" ");
      const reached = track.dataset.reached === "" ? Infinity : Number(track.dataset.reached);
      return { track, points, reached, done: element(svg, "polyline", "done"), head: element(svg, "circle", "head") };
    });
    let now = steps;
    let timer = null;

    const show = (step) => {
      now = Math.max(0, Math.min(steps, step));
      slider.value = now;
      slider.setAttribute("aria-valuetext", `step ${now} of ${steps}`);
      output.textContent = `step ${now}`;
      for (const { track, points, reached, done, head } of tracks) {
        const last = Math.min(now, points.length - 1);
        const [x, y] = points[last].split(",");
        done.setAttribute("points", points.slice(0, last + 1).join(" "));
        head.setAttribute("cx", x);
        head.setAttribute("cy", y);
        head.setAttribute("r", 4);
        track.classList.toggle("arrived", now >= reached);
      }
    };
    const pause = () => {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
    };
    const start = () => {
      if (now >= steps) show(0);
      play.textContent = "Pause";
      // Who prefers less motion sees a still every second instead of a moving dot.
      const [by, milliseconds] = calm.matches ? [10, 1000] : [1, 60];
      timer = setInterval(() => {
        show(now + by);
        if (now >= steps) pause();
      }, milliseconds);
    };
    const actions = {
      first: () => { pause(); show(0); },
      back: () => { pause(); show(now - 1); },
      on: () => { pause(); show(now + 1); },
      play: () => (timer === null ? start() : pause()),
    };
    for (const button of player.querySelectorAll("button")) {
      button.addEventListener("click", actions[button.dataset.do]);
    }
    slider.addEventListener("input", () => { pause(); show(Number(slider.value)); });
    player.hidden = false;
    section.classList.add("steppable");
    show(steps);
  }
})();
