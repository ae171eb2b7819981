(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  const playing = () => all("video, audio").find((video) => !video.paused && !video.ended);

  // What clients see: no prices, models, paths.
  if (new URLSearchParams(location.search).get("view") === "client") {
    all("[data-private]").forEach((element) => element.remove());
    all("[data-client]").forEach((element) => { element.textContent = element.dataset.client; });
    all(".send").forEach((element) => { element.hidden = false; });
    all("[data-unlink]").forEach((link) => link.replaceWith(link.textContent));
    document.title = document.querySelector("h1").textContent;
  }

  // One at a time.
  document.addEventListener("play", (event) => {
    all("video, audio").forEach((other) => { if (other !== event.target) other.pause(); });
  }, true);

  all("a.place").forEach((place) => { place.title = "Play from here in the reel"; });
  const seek = (reel, seconds) => {
    const video = reel && reel.querySelector("video");
    if (!video) return;
    video.currentTime = seconds + 0.001;
    video.play();
  };

  document.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    const clip = event.target.closest("a.play");
    const chapter = event.target.closest("[data-reel]");
    const filter = event.target.closest("a[data-state]");
    if (clip) {
      event.preventDefault();
      const video = document.createElement("video");
      video.src = clip.href;
      video.controls = video.loop = video.playsInline = true;
      video.setAttribute("aria-label", clip.getAttribute("aria-label"));
      clip.replaceWith(video);
      video.play();
      video.focus();
    } else if (chapter) {
      event.preventDefault();
      const reel = document.getElementById(chapter.dataset.reel);
      if (!reel.contains(chapter)) reel.scrollIntoView({ block: "start" });
      seek(reel, Number(chapter.dataset.in));
    } else if (filter) {
      event.preventDefault();
      const wanted = filter.getAttribute("aria-pressed") === "true" ? "" : filter.dataset.state;
      all("a[data-state]").forEach((each) => each.setAttribute("aria-pressed", String(each.dataset.state === wanted)));
      all(".panel").forEach((panel) => { panel.hidden = Boolean(wanted) && panel.dataset.is !== wanted; });
      all(".group").forEach((group) => { group.hidden = all(".panel", group).every((panel) => panel.hidden); });
    }
  });

  // Which shot the reel is at.
  all("figure.reel").forEach((reel) => {
    const video = reel.querySelector("video");
    const marks = all(".strip a", reel);
    const strip = reel.querySelector(".strip");
    marks.forEach((mark) => { mark.dataset.time = mark.title.split(", ").pop(); });
    let at = null;
    if (!video) return;
    video.addEventListener("timeupdate", () => {
      marks.forEach((mark) => {
        const here = video.currentTime >= Number(mark.dataset.in) && video.currentTime < Number(mark.dataset.out);
        if (here) mark.setAttribute("aria-current", "true"); else mark.removeAttribute("aria-current");
        if (here && mark !== at) {
          at = mark;
          strip.scrollLeft = mark.parentElement.offsetLeft - (strip.clientWidth - mark.offsetWidth) / 2;
        }
      });
    });
  });

  // J back and L on by a second, K play or pause, arrows to the shot before or after, comma and full stop by frames, F full screen: of the
  // clip that plays, else of the first reel.
  const shotNext = (video, way) => {
    const begins = all(".strip a", video.closest("figure.reel") || video.parentElement).map((mark) => Number(mark.dataset.in));
    const there = way > 0 ? begins.find((at) => at > video.currentTime + 0.01) : begins.filter((at) => at < video.currentTime - 0.5).pop();
    if (there !== undefined) video.currentTime = there + 0.001;
    return begins.length > 0;
  };
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
    const focused = document.activeElement instanceof HTMLVideoElement ? document.activeElement : null;
    const video = focused || playing() || document.querySelector("figure.reel video");
    if (!video) return;
    const frame = 1 / (Number(video.dataset.fps) || 24);
    const key = event.key.toLowerCase();
    const steps = { j: -1, l: 1, ",": -frame, ".": frame };
    const ways = { arrowleft: -1, arrowright: 1 };
    if (key === "k") {
      if (video.paused) video.play(); else video.pause();
    } else if (key === "f" && video.requestFullscreen) {
      if (document.fullscreenElement) document.exitFullscreen(); else video.requestFullscreen();
    } else if (key in steps) {
      if (key === "," || key === ".") video.pause();
      video.currentTime = Math.max(0, video.currentTime + steps[key]);
    } else if (!(key in ways && shotNext(video, ways[key]))) {
      return;
    }
    event.preventDefault();
  });

  // The mouse over a clip's picture looks through the clip.
  document.addEventListener("pointerover", (event) => {
    const clip = event.pointerType === "mouse" && event.target.closest("a.play");
    if (!clip || clip.querySelector("video")) return;
    const look = document.createElement("video");
    look.muted = look.playsInline = true;
    look.preload = "auto";
    look.tabIndex = -1;
    look.src = clip.href;
    const move = (moved) => {
      const box = clip.getBoundingClientRect();
      if (look.duration) look.currentTime = look.duration * Math.min(0.999, Math.max(0, (moved.clientX - box.left) / box.width));
    };
    const leave = () => {
      look.remove();
      clip.removeEventListener("pointermove", move);
      clip.removeEventListener("pointerleave", leave);
    };
    clip.addEventListener("pointermove", move);
    clip.addEventListener("pointerleave", leave);
    look.addEventListener("error", leave);
    clip.append(look);
  });

  // Cards, contact sheet, list, large.
  const sheet = document.getElementById("sheet");
  const views = document.querySelector(".views");
  const show = (view) => {
    sheet.className = view;
    all("[data-view]").forEach((each) => each.setAttribute("aria-pressed", String(each.dataset.view === view)));
  };
  if (views) views.hidden = false;
  all("[data-view]").forEach((button) => button.addEventListener("click", () => show(button.dataset.view)));
  // Many shots below each other on a phone are a way of fifty screens.
  if (innerWidth <= 600 && all(".panel").length > 24 && !location.hash) show("contact");

  // While the run goes on the page is written again and again.
  if (document.body.dataset.live) {
    setInterval(() => {
      if (playing() || "busy" in document.body.dataset) return;
      document.body.dataset.again = "";
      location.reload();
    }, 10000);
  }
})();
