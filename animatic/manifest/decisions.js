(() => {
  "use strict";
  // What people decide about shots while they look: collected here, taken home as review.json, which `animatic review --apply` reads.
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  const { pipeline, run } = document.body.dataset;
  const tray = document.getElementById("tray");
  const form = document.getElementById("decide");
  if (!tray || !form) return;
  const part = (name) => tray.querySelector(`[data-part=${name}]`);
  const who = tray.querySelector("input");
  const said = document.getElementById("said");
  const verbs = { approve: "Approved", reject: "Rejected", comment: "Comment" };

  // A browser may keep nothing for files: then the page does not read itself again. Either way it warns before it is left.
  const place = `animatic-review:${pipeline}/${run}`;
  const kept = (change) => {
    try { return change(localStorage) ?? true; } catch { return false; }
  };
  let decisions = [];
  let taken = true;
  let risky = false;
  let open = null;
  const busy = () => document.body.toggleAttribute("data-busy", Boolean(open) || risky);

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
  const element = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  };
  // Signs that no text has, and that would have the file refused.
  const plain = (text) => text.replace(/\p{Zs}/gu, " ").replace(/(?![\n\t\u00ad\u200b-\u200f\u2060\ufeff])[\p{Cc}\p{Cf}\p{Cs}]/gu, "").trim();
  const panelOf = (shot) => all(".panel").find((panel) => panel.dataset.key === shot);
  const nameOf = (panel) => {
    const shot = panel.closest(".compare") && panel.closest(".group").querySelector("h2 bdi");
    const parts = [...(shot ? [shot] : []), ...panel.querySelector("h3").childNodes];
    return parts.map((each) => each.textContent.trim()).filter(Boolean).join(" ");
  };
  const words = (one) => [
    verbs[one.decision], one.take ? `take ${one.take}` : "", one.at === null ? "" : `at ${clock(one.at)}`, one.prompt ? "new prompt" : "",
  ].filter(Boolean).join(", ");

  const changed = () => {
    const data = JSON.stringify(decisions);
    const stored = kept((store) => (decisions.length ? store.setItem(place, data) : store.removeItem(place)));
    kept((store) => store.setItem("animatic-review-by", who.value));
    taken = !decisions.length;
    risky = !taken && !stored;
    part("next").hidden = true;
    busy();
    show();
  };

  const show = () => {
    tray.hidden = !decisions.length;
    document.body.classList.toggle("deciding", !tray.hidden);
    part("count").textContent = `${decisions.length} ${decisions.length === 1 ? "decision" : "decisions"}`;
    all(".decided").forEach((list) => list.remove());
    decisions.forEach((one) => {
      const panel = panelOf(one.shot);
      let list = panel.querySelector(".decided");
      if (!list) {
        list = element("ul", "", { class: "decided", "aria-label": `Decisions on ${nameOf(panel)}` });
        panel.querySelector(".id").after(list);
      }
      const item = element("li");
      item.append(element("strong", words(one)));
      [one.note, one.prompt].filter(Boolean).forEach((text) => item.append(element("span", text, { dir: "auto" })));
      const undo = element("button", "Undo", { type: "button", "aria-label": `Undo: ${words(one)}, ${nameOf(panel)}` });
      undo.addEventListener("click", () => {
        decisions = decisions.filter((other) => other !== one);
        changed();
        (panel.querySelector("[data-decide]") || panel).focus();
      });
      item.append(undo);
      list.append(item);
    });
    all("[data-made]").forEach((mark) => mark.removeAttribute("data-made"));
    decisions.forEach((one) => panelOf(one.shot).setAttribute("data-made", one.decision));
  };

  const add = (decision) => {
    // The last word about a take counts, whichever of the variants that share it is spoken of; of comments there may be many.
    const takesOf = (one) => panelOf(one.shot).dataset.same || panelOf(one.shot).id;
    if (decision.decision !== "comment") {
      decisions = decisions.filter((one) => one.decision === "comment" || takesOf(one) !== takesOf(decision));
    }
    decisions.push(decision);
    changed();
    said.textContent = `${words(decision)}: ${nameOf(panelOf(decision.shot))}`;
  };

  // What was looked at last: a player that moved, a shot that was gone to.
  let player = null;
  let last = null;
  const markOf = (reel) => reel && reel.querySelector(".strip a[aria-current]");
  document.addEventListener("timeupdate", (event) => { player = last = event.target; }, true);
  document.addEventListener("focusin", (event) => { last = event.target.closest(".panel") || last; });
  const seen = () => {
    const mark = last && markOf(last.closest("figure.reel"));
    return mark ? document.getElementById(mark.hash.slice(1)) : last && last.closest(".panel");
  };

  // Where the player of a shot is, or that of the reel within the shot, in seconds of the shot's clip.
  const moment = (panel) => {
    const mark = player && markOf(player.closest("figure.reel"));
    if (mark && mark.hash === `#${panel.id}`) return Math.max(0, player.currentTime - Number(mark.dataset.in) + Number(mark.dataset.trim || 0));
    const own = panel.querySelector(".frame > video, .frame > audio");
    return own && own.currentTime > 0 ? own.currentTime : null;
  };
  const takeOf = (panel) => {
    const shown = panel.querySelector(".takes li[aria-current]");
    return shown ? Number(shown.dataset.take) : Number(panel.dataset.take) || null;
  };

  const close = () => {
    if (open) open.remove();
    open = null;
    busy();
  };

  const ask = (panel, wanted) => {
    close();
    const at = moment(panel);
    all("video, audio").forEach((player) => player.pause());
    open = form.content.firstElementChild.cloneNode(true);
    busy();
    const field = (name) => open.querySelector(`[name=${name}]`);
    const row = (name) => field(name).closest("label");
    const asked = "asked" in panel.dataset;
    const most = Number(panel.dataset.seconds) || Infinity;
    open.setAttribute("aria-label", `Decide about ${nameOf(panel)}`);
    const takes = all(".takes a", panel).map((link) => link.parentElement.dataset.take);
    takes.forEach((take) => field("take").append(element("option", `Take ${take}`, { value: take })));
    row("take").hidden = takes.length < 2;
    if (takes.length > 1) field("take").value = String(takeOf(panel));
    const prompt = panel.querySelector(".prompt");
    const before = prompt ? prompt.textContent.trim() : "";
    field("prompt").value = before;
    if (at !== null) field("at").value = Math.min(at, most).toFixed(2);
    open.querySelector(".kinds").hidden = !asked;
    const choose = (kind) => {
      all("[name=decision]", open).forEach((radio) => { radio.checked = radio.value === kind; });
      row("prompt").hidden = kind !== "reject";
      row("at").hidden = kind === "approve" || !panel.dataset.take || ["image", "3d"].includes(panel.dataset.medium);
    };
    all("[name=decision]", open).forEach((radio) => radio.addEventListener("change", () => choose(radio.value)));
    choose(asked ? wanted : "comment");
    const keep = () => {
      const decision = open.querySelector("[name=decision]:checked").value;
      const note = plain(field("note").value);
      const given = plain(field("prompt").value);
      const seconds = field("at").valueAsNumber;
      const empty = decision === "comment" && !note;
      open.querySelector("[data-part=wrong]").hidden = !empty;
      if (empty) return field("note").focus();
      add({
        shot: panel.dataset.key,
        decision,
        take: takes.length > 1 ? Number(field("take").value) : Number(panel.dataset.take) || null,
        prompt: decision === "reject" && given && given !== before ? given : null,
        note: note || null,
        at: !row("at").hidden && seconds >= 0 ? Math.round(Math.min(seconds, most) * 1000) / 1000 : null,
      });
      close();
      (panel.querySelector("[data-decide]") || panel).focus();
    };
    open.querySelector("[data-part=keep]").addEventListener("click", keep);
    open.querySelector("[data-part=leave]").addEventListener("click", close);
    open.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { close(); panel.querySelector("[data-decide]").focus(); }
      if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) keep();
    });
    [".takes", ".decided", ".id"].map((query) => panel.querySelector(query)).find(Boolean).after(open);
    field("note").focus({ preventScroll: true });
    open.scrollIntoView({ block: "nearest" });
  };

  // Every shot can be commented on; one that somebody is waited for can be decided about.
  all(".panel").forEach((panel) => {
    const about = nameOf(panel);
    panel.tabIndex = -1;
    const button = (text, label, wanted) => {
      const made = element("button", text, { type: "button", "data-decide": wanted, "aria-label": `${label}: ${about}` });
      made.addEventListener("click", () => {
        if (wanted !== "approve" || all(".takes a", panel).length > 1) ask(panel, wanted);
        else add({ shot: panel.dataset.key, decision: "approve", take: Number(panel.dataset.take), prompt: null, note: null, at: null });
      });
      return made;
    };
    const line = panel.querySelector(".id");
    if ("asked" in panel.dataset) {
      const row = element("p", "", { class: "asks" });
      row.append(button("Approve", "Approve", "approve"), button("Reject", "Reject", "reject"), button("Comment", "Comment", "comment"));
      line.after(row);
    } else {
      line.append(button("Comment", "Comment", "comment"));
    }
    // A take is looked at in the frame of its shot.
    all(".takes a", panel).forEach((link) => link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      all(".takes li", panel).forEach((item) => item.removeAttribute("aria-current"));
      link.parentElement.setAttribute("aria-current", "true");
      const moving = !panel.dataset.medium;
      const media = element(moving ? "video" : "img", "", { src: link.href, [moving ? "aria-label" : "alt"]: link.getAttribute("aria-label") });
      panel.querySelector(".frame").replaceChildren(media);
      if (moving) {
        media.controls = media.loop = media.playsInline = true;
        media.play();
      }
    }));
  });

  // C comments on the shot that is seen.
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "c" || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const panel = seen();
    if (!panel) return;
    event.preventDefault();
    ask(panel, "comment");
  });

  part("download").addEventListener("click", () => {
    const review = { version: 1, pipeline, run_id: run, by: plain(who.value) || null, written_at: new Date().toISOString(), decisions };
    const file = URL.createObjectURL(new Blob([`${JSON.stringify(review, null, 2)}\n`], { type: "application/json" }));
    element("a", "", { href: file, download: "review.json" }).click();
    setTimeout(() => URL.revokeObjectURL(file), 60000);
    kept((store) => store.removeItem(place));
    taken = true;
    risky = false;
    busy();
    part("next").hidden = false;
    said.textContent = "review.json is downloaded";
  });
  const copy = part("copy");
  if (copy) {
    copy.addEventListener("click", async () => {
      const command = tray.querySelector("code");
      try {
        await navigator.clipboard.writeText(command.textContent);
        said.textContent = "The command is copied";
      } catch {
        getSelection().selectAllChildren(command);
        said.textContent = "The command is selected: copy it";
      }
    });
  }
  who.addEventListener("change", changed);
  addEventListener("beforeunload", (event) => { if (open || !(taken || "again" in document.body.dataset)) event.preventDefault(); });

  kept((store) => { who.value = store.getItem("animatic-review-by") || ""; });
  kept((store) => { decisions = JSON.parse(store.getItem(place) || "[]").filter((one) => panelOf(one.shot)); });
  taken = !decisions.length;
  show();
})();
