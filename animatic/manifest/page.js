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
    all("[data-unlink]").forEach((link) => link.replaceWith(link.textContent));
    document.title = document.querySelector("h1").textContent;
  }

  // One at a time.
  document.addEventListener("play", (event) => {
    all("video, audio").forEach((other) => { if (other !== event.target) other.pause(); });
  }, true);

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
    if (!video) return;
    video.addEventListener("timeupdate", () => {
      marks.forEach((mark) => {
        const here = video.currentTime >= Number(mark.dataset.in) && video.currentTime < Number(mark.dataset.out);
        if (here) mark.setAttribute("aria-current", "true"); else mark.removeAttribute("aria-current");
      });
    });
  });

  // J, K, L and the frames of the clip that plays, else of the first reel.
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const focused = document.activeElement instanceof HTMLVideoElement ? document.activeElement : null;
    const video = focused || playing() || document.querySelector("figure.reel video");
    if (!video) return;
    const steps = { j: -1, l: 1, ",": -1 / 24, ".": 1 / 24 };
    if (event.key === "k") {
      if (video.paused) video.play(); else video.pause();
    } else if (event.key in steps) {
      if (Math.abs(steps[event.key]) < 1) video.pause();
      video.currentTime = Math.max(0, video.currentTime + steps[event.key]);
    } else {
      return;
    }
    event.preventDefault();
  });

  // While the run goes on the page is written again and again.
  if (document.body.dataset.live) setInterval(() => { if (!playing()) location.reload(); }, 10000);
})();
