// The page draws the plan from the JSON that stands beside this script. Text from the plan only ever becomes text.
"use strict";

const plan = JSON.parse(document.getElementById("plan").textContent);
const DISRUPTIVE = new Set(["change", "finalize"]);
const KINDS = {
  validate: "Validate", prepare: "Prepare", change: "Wave", "post-upgrade": "Complete", finalize: "Finalize",
};
const PARTS_OF = {
  validate: ["facts", "step0"], prepare: ["facts", "step1"], "post-upgrade": ["facts", "step6"],
  change: ["facts", "drain", "step2", "step3", "step4", "step5", "verify", "undo", "undrain"],
  finalize: ["facts", "undo", "finalize"],
};
const WHERE = { facts: "before every part" };
const OUTAGES = { down: "down meanwhile", keeps: "others stay up", none: "not disrupted" };
const onPaper = []; // what printing needs; each gives how to take it back
const ROW = 28, HEAD = 44, WAVE = 34, PHASE = 22;

// --- Words and elements ---

function add(parent, children) {
  for (const child of children.flat(Infinity)) if (child != null && child !== false) parent.append(child);
  return parent;
}
function make(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value == null || value === false) continue;
    if (key in node && key !== "list") node[key] = value; else node.setAttribute(key, value);
  }
  return add(node, children);
}
function draw(name, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) if (value != null) node.setAttribute(key, value);
  return add(node, children);
}
const count = (number, one, many = one + "s") => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
const byId = (id) => document.getElementById(id);
const cut = (text, length) => (text.length > length ? text.slice(0, length - 1) + "…" : text);

function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// --- What the plan means ---

const services = plan.services;
const visits = plan.hosts.map(() => []); // by host, its plays: [play, services there]

for (const [number, play] of plan.plays.entries()) {
  play.number = number;
  play.services = Object.entries(play.on).map(([index, hosts]) => {
    const service = services[index];
    return { service, hosts: hosts ?? service.hosts };
  });
  const there = new Map();
  for (const { service, hosts } of play.services) {
    for (const host of hosts) there.set(host, [...(there.get(host) ?? []), service]);
  }
  play.hosts = [...there.keys()];
  for (const [host, on] of there) visits[host].push([play, on]);
  play.outage = DISRUPTIVE.has(play.kind) ? worst(play.services.map((each) => each.service.outage)) : "none";
}
function worst(outages) {
  return ["down", "keeps"].find((outage) => outages.includes(outage)) ?? "none";
}
function expected(service) {
  const size = service.hosts.length;
  if (service.outage === "none") return "Not disrupted: nothing of it stops or restarts.";
  if (service.full_stop) return `Down: it stops on ${size === 1 ? "its host" : `all its ${size} hosts`} together, from step 2 to step 5.`;
  if (service.outage === "down") return size === 1 ? "Down while its only host is changed." : `Down meanwhile: all its ${size} hosts may change at once.`;
  return `Keeps serving: at most ${service.slots} of its ${size} hosts ${service.slots === 1 ? "is" : "are"} down at once.`;
}
const disruptions = (host) => visits[host].filter(([play, on]) => DISRUPTIVE.has(play.kind) && on.some(isDisrupted));
const isDisrupted = (service) => service.outage !== "none";

const named = new Map(services.map((service) => [service.name, service]));
const befores = (service) => [...service.after, ...service.requires].map((name) => named.get(name)).filter(Boolean);
/** All that comes before a service, at any distance; services stand in the order of their columns. */
const earlier = new Map();
for (const service of services) {
  earlier.set(service, new Set(befores(service).flatMap((each) => [each, ...(earlier.get(each) ?? [])])));
}
/** What a service waits for and nothing between them does: the other lines would say nothing new. */
function nearest(service) {
  const direct = befores(service);
  return direct.filter((each) => !direct.some((other) => other !== each && earlier.get(other)?.has(each)));
}

// --- Summary ---

function summary() {
  const waves = plan.plays.filter((play) => play.kind === "change");
  const down = services.filter((service) => service.outage === "down");
  const most = plan.hosts.reduce((max, _name, host) => Math.max(max, disruptions(host).length), 0);
  const tile = (value, words, kind = "") => make("li", { className: `tile ${kind}` }, make("b", {}, value), make("span", {}, words));
  add(byId("summary"), [
    make("h1", {}, "Upgrade plan ", make("code", {}, plan.id)),
    make("p", { className: "lead" }, `Compiled by orderly.services ${plan.made_by}.`,
      plan.surveyed ? ` Versions as seen ${plan.surveyed}.` : " The hosts were not queried for versions; the playbook plan does that."),
    make("ul", { className: "tiles" },
      tile(services.length.toLocaleString("en"), services.length === 1 ? "service" : "services"),
      tile(plan.hosts.length.toLocaleString("en"), plan.hosts.length === 1 ? "host" : "hosts"),
      tile(waves.length.toLocaleString("en"), waves.length === 1 ? "wave" : "waves"),
      tile(String(most), "disruptions of a host at most"),
      tile(String(down.length), `${down.length === 1 ? "service goes" : "services go"} down meanwhile`, down.length ? "down" : ""),
      plan.estimate != null && tile(`≈ ${duration(plan.estimate)}`, "going by earlier runs")),
    down.length > 0 && make("p", {}, "Users will notice: ",
      down.map((service, index) => [index ? ", " : "", make("a", { href: `#service-${service.name}` }, service.name)]), "."),
    make("p", {}, "To run exactly this plan, and nothing if anything has changed:",
      make("code", { className: "command", tabIndex: 0 },
        `ansible-playbook -i INVENTORY orderly.services.upgrade -e upgrade_approved_plan=${plan.approve}`)),
    make("p", { className: "note" }, make("strong", {}, "There is no way back. "),
      "Packages are never rolled back; the versions before are recorded, and what step 1 backs up is what you have."),
    make("p", { className: "note" }, "Phased updates are no exception: apt-get install takes what apt-get upgrade may keep back."),
    pointsOfNoReturn(),
  ]);
}
function pointsOfNoReturn() {
  const found = services.flatMap((service) => service.steps.flatMap((step) =>
    step.tasks.filter((task) => task.no_return).map((task) => [service, step, task])));
  return found.length > 0 && make("p", { className: "note" }, make("strong", {}, "Points of no return: "),
    found.map(([service, step, task], index) => [index ? "; " : "",
      make("a", { href: `#service-${service.name}` }, service.name), ` (${step.words}): ${task.name}`]),
    ". They cannot be undone: have a backup before the run gets there.");
}

// --- Graph ---

function graph() {
  const WIDTH = 176, HEIGHT = 46, GAP = 16, ACROSS = 66, TOP = 38;
  const columns = [];
  for (const service of services) (columns[service.column] ??= []).push(service);
  const place = new Map();
  columns.forEach((column) => {
    // Beside what they come after, so that few lines cross.
    const height = (service) => {
      const before = befores(service).map((each) => place.get(each)?.y ?? 0);
      return before.length ? before.reduce((a, b) => a + b, 0) / before.length : Infinity;
    };
    const heights = new Map(column.map((service) => [service, height(service)]));
    const ordered = columns.indexOf(column) ? column.slice().sort((a, b) => heights.get(a) - heights.get(b) || 0) : column;
    ordered.forEach((service, row) => place.set(service, { x: 20 + service.column * (WIDTH + ACROSS), y: TOP + row * (HEIGHT + GAP) }));
  });
  const rows = Math.max(...columns.map((column) => column?.length ?? 0), 1);
  const size = { width: 40 + columns.length * (WIDTH + ACROSS) - ACROSS, height: TOP + rows * (HEIGHT + GAP) + 6 };
  const svg = draw("svg", { width: size.width, height: size.height, viewBox: `0 0 ${size.width} ${size.height}`, role: "list", "aria-label": "Services and what they come after" },
    draw("defs", {}, draw("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
      draw("path", { d: "M0 0 8 4 0 8z", class: "arrow" }))));
  for (const stage of plan.stages) {
    const own = services.filter((service) => service.stage === stage).map((service) => service.column);
    const left = 6 + Math.min(...own) * (WIDTH + ACROSS), right = 34 + Math.max(...own) * (WIDTH + ACROSS) + WIDTH;
    svg.append(draw("rect", { class: "stage-band", x: left, y: 4, width: right - left, height: size.height - 8, rx: 10 }),
      draw("text", { class: "stage-name", x: left + 14, y: 25 }, `stage ${stage}`));
  }
  const edges = [];
  for (const service of services) for (const before of nearest(service)) {
    const from = place.get(before), to = place.get(service);
    const x1 = from.x + WIDTH, y1 = from.y + HEIGHT / 2, x2 = to.x - 2, y2 = to.y + HEIGHT / 2, bend = Math.max(24, (x2 - x1) / 2);
    const path = draw("path", { class: "edge", d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, "marker-end": "url(#arrow)", "aria-hidden": "true", "data-service": `${before.name} ${service.name}` });
    edges.push([before, service, path]);
    svg.append(path);
  }
  for (const service of services) {
    const { x, y } = place.get(service);
    const words = [`${service.name}, ${count(service.hosts.length, "host")}. ${expected(service)}`,
      befores(service).length ? `After ${befores(service).map((each) => each.name).join(", ")}.` : ""].join(" ");
    const node = draw("a", { class: `node ${service.outage}`, href: `#service-${service.name}`, role: "listitem", "aria-label": words, "data-service": service.name },
      draw("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 9 }),
      draw("rect", { class: "edge-mark", x, y: y + 9, width: 4, height: HEIGHT - 18, rx: 2 }),
      draw("text", { x: x + 14, y: y + 20 }, cut(service.name, 22)),
      draw("text", { class: "small", x: x + 14, y: y + 36 }, `${count(service.hosts.length, "host")} · ${OUTAGES[service.outage]}`),
      draw("title", {}, words));
    const near = (on) => () => edges.forEach(([before, after, path]) => {
      if (before === service || after === service) path.classList.toggle("near", on);
    });
    for (const [event, on] of [["mouseenter", true], ["focus", true], ["mouseleave", false], ["blur", false]]) node.addEventListener(event, near(on));
    svg.append(node);
  }
  byId("graph").append(svg);
}
// --- Timeline ---

/** Neighbours that disturb nobody share a column; each wave has one of its own. */
function columnsOf(plays) {
  const columns = [];
  for (const play of plays) {
    const last = columns.at(-1);
    if (last && last.kind === play.kind && play.kind !== "change" && play.kind !== "finalize") last.plays.push(play);
    else columns.push({ kind: play.kind, plays: [play] });
  }
  return columns;
}
function mark(kind, outage, x, y, width) {
  const middle = { cx: x + width / 2, cy: y + ROW / 2 };
  if (kind === "change") return draw("rect", { class: `mark ${outage}`, x: x + 2.5, y: y + 4, width: width - 5, height: ROW - 8, rx: 5 });
  if (kind === "validate") return draw("circle", { class: "mark check", ...middle, r: 4.5 });
  if (kind === "prepare") return draw("circle", { class: "mark prepare", ...middle, r: 4 });
  const { cx, cy } = middle;
  if (kind === "post-upgrade") return draw("path", { class: "mark complete", d: `M${cx - 5} ${cy}l4 4 6 -8` });
  return draw("path", { class: "mark finalize", d: `M${cx} ${cy - 6}l6 6 -6 6 -6 -6z` });
}
function legend() {
  const entry = (kind, outage, words) => make("span", {}, draw("svg", { width: 24, height: ROW, "aria-hidden": "true" }, mark(kind, outage, 0, 0, 24)), words);
  add(byId("legend"), [
    entry("validate", "", "validated, read-only"), entry("prepare", "", "prepared, no interruption"),
    entry("change", "keeps", "number of hosts disrupted, others stay up"), entry("change", "down", "service down"),
    entry("post-upgrade", "", "completed"), entry("finalize", "", "finalized"),
  ]);
}
const widthOf = (column) => (column.kind === "change" ? WAVE : PHASE);
function marks(column, x, rowOf) {
  const wide = widthOf(column);
  return column.plays.flatMap((play) => play.services.map(({ service, hosts }) => [
    mark(play.kind, service.outage, x, rowOf.get(service), wide),
    play.kind === "change" && draw("text", { class: "count", x: x + wide / 2, y: rowOf.get(service) + ROW / 2 + 4 }, String(hosts.length)),
  ]));
}
/** The timeline on paper, which does not scroll: in pieces, each with the services that it is about. */
function slices(rows, columns) {
  const NAMES = 170, ACROSS = 24;
  const pieces = [];
  for (let from = 0; from < columns.length; from += ACROSS) {
    const piece = columns.slice(from, from + ACROSS);
    const there = new Set(piece.flatMap((column) => column.plays.flatMap((play) => play.services.map(({ service }) => service))));
    const own = rows.filter((service) => there.has(service));
    const rowOf = new Map(own.map((service, row) => [service, 30 + row * ROW]));
    const width = NAMES + ACROSS * WAVE, height = 34 + own.length * ROW;
    let x = NAMES;
    pieces.push(draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height },
      own.map((service, row) => [row % 2 ? null : draw("rect", { class: "lane", x: 0, y: rowOf.get(service), width, height: ROW }),
        draw("text", { x: 8, y: rowOf.get(service) + 19 }, cut(service.name, 22))]),
      piece.map((column) => {
        const at = x;
        x += widthOf(column);
        return [column.wave && draw("text", { class: "count small", x: at + WAVE / 2, y: 20 }, String(column.wave)), marks(column, at, rowOf)];
      })));
  }
  return make("div", { className: "slices" }, pieces);
}
function timeline() {
  const first = new Map();
  for (const play of plan.plays) if (play.kind === "change") for (const { service } of play.services) if (!first.has(service)) first.set(service, first.size);
  const rows = services.slice().sort((a, b) => (first.get(a) ?? 1e9) - (first.get(b) ?? 1e9));
  const rowOf = new Map(rows.map((service, index) => [service, index * ROW]));
  const columns = columnsOf(plan.plays);
  const width = columns.reduce((sum, column) => sum + widthOf(column), 8), height = rows.length * ROW;
  const heads = draw("svg", { width, height: HEAD, "aria-hidden": "true" });
  const svg = draw("svg", { width, height, role: "listbox", "aria-label": "Waves and what is around them", "aria-orientation": "horizontal" });
  rows.forEach((service, index) => index % 2 || svg.append(draw("rect", { class: "lane", x: 0, y: rowOf.get(service), width, height: ROW, "data-service": service.name })));
  let x = 4, waves = 0;
  const all = columns.map((column) => {
    const wide = widthOf(column), plays = column.plays;
    if (column.kind === "change") heads.append(draw("text", { class: "count small", x: x + wide / 2, y: 28 }, String(column.wave = waves += 1)));
    const words = plays.length > 1 ? `${KINDS[column.kind]} ${count(plays.length, "service")}` : `${plays[0].title}: ${placeWords(plays[0].services)}`;
    const node = draw("g", { class: "column", role: "option", tabindex: -1, "aria-label": words, "aria-selected": "false", "data-play": plays[0].id },
      draw("rect", { class: "hit", x, y: 0, width: wide, height }),
      draw("title", {}, words));
    add(node, marks(column, x, rowOf));
    x += wide;
    svg.append(node);
    return node;
  });
  steer(svg, all);
  add(byId("timeline"), [
    make("div", { className: "corner" }, "wave"), make("div", { className: "heads" }, heads),
    make("ul", { className: "names", "aria-label": "Services, in the order of their first wave" },
      rows.map((service) => make("li", { title: service.name, "data-service": service.name }, make("a", { href: `#service-${service.name}` }, service.name)))),
    make("div", { className: "lanes" }, svg),
  ]);
  onPaper.push(() => {
    const pieces = slices(rows, columns);
    byId("timeline").after(pieces);
    return () => pieces.remove();
  });
}
/** One stop of the Tab key; arrows, Home and End go on from there. */
function steer(svg, columns) {
  const go = (index) => {
    const to = columns[Math.max(0, Math.min(columns.length - 1, index))];
    columns.forEach((column) => column.setAttribute("tabindex", column === to ? 0 : -1));
    to.focus();
    to.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  columns[0]?.setAttribute("tabindex", 0);
  svg.addEventListener("keydown", (event) => {
    const here = columns.indexOf(event.target);
    const steps = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: columns.length - 1 };
    if (event.key in steps) { event.preventDefault(); go(steps[event.key]); }
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(columns[here]); }
  });
  svg.addEventListener("click", (event) => choose(event.target.closest(".column")));
  const choose = (column) => {
    if (!column) return;
    columns.forEach((each) => { each.classList.toggle("chosen", each === column); each.setAttribute("aria-selected", each === column); });
    show(`play-${column.dataset.play}`);
  };
}

// --- Plays ---

/** One card for each column of the timeline. */
function playCard({ kind, plays }) {
  const [play] = plays, alone = plays.length === 1;
  const on = plays.flatMap((each) => each.services);
  const hosts = new Set(plays.flatMap((each) => each.hosts));
  const seconds = plays.reduce((sum, each) => sum + (each.seconds ?? NaN), 0);
  const few = on.length <= 6;
  return card(`play-${play.id}`, worst(plays.map((each) => each.outage)), [
    make("span", { className: "what" }, alone ? play.title : `${KINDS[kind]} ${count(plays.length, "service")}`),
    make("span", { className: "more" }, few ? placeWords(on) : `${count(on.length, "service")} on ${count(hosts.size, "host")}`),
    play.outage === "down" && make("span", { className: "badge down" }, "an outage"),
    make("span", { className: "right" }, count(hosts.size, "host"), seconds >= 0 && ` · ≈ ${duration(seconds)}`),
  ], () => plays.map((each) => [
    make("dl", {},
      each.services.flatMap(({ service, hosts: there }) => [
        make("dt", {}, make("a", { href: `#service-${service.name}` }, service.name)),
        make("dd", {}, hostNames(there, service)),
      ]),
      each.needs.length > 0 && [make("dt", {}, "only after"), make("dd", {}, each.needs.map(needWords).join(", "), ", on all hosts")],
    ),
    few && each.services.map(({ service }) => [on.length > 1 && make("h3", {}, service.name), stepList(service, PARTS_OF[kind])]),
  ]));
}
const placeWords = (on) => on.map(({ service, hosts }) =>
  `${service.name} on ${hosts.length > 3 ? count(hosts.length, "host") : hosts.map((host) => plan.hosts[host]).join(", ")}`).join("; ");
const needWords = (need) => need.replace(/^(.*)\/(.*?)(?:@(.*)| without (.*))?$/, (_all, name, kind, host, other) =>
  `${kind} of ${name}${host ? ` on ${host}` : ""}${other ? ` where ${other} is not` : ""}`);
function hostNames(hosts, service) {
  const all = hosts.length > 1 && hosts.length === service.hosts.length;
  return [all && make("span", { className: "more" }, `all ${hosts.length} hosts: `), make("span", { className: "names-of" }, hosts.map((host) => plan.hosts[host]).join(" "))];
}
/** A card whose inside is made when it is first opened: at a thousand hosts most of them never are. */
function card(id, kind, head, inside) {
  const details = make("details", { className: kind, id }, make("summary", {}, head));
  details.fill = () => {
    if (!details.filled) details.append(make("div", { className: "inside" }, inside()));
    details.filled = true;
  };
  details.addEventListener("toggle", () => details.open && details.fill());
  return make("li", {}, details);
}
function stepList(service, parts) {
  const steps = service.steps.filter((step) => parts.includes(step.part));
  if (!steps.length) return make("p", { className: "empty" }, "No tasks of its own.");
  return steps.map((step) => make("div", { className: `step ${step.disruptive ? "disruptive" : ""}` },
    make("b", {}, step.words), " ", make("span", { className: "more" }, step.part.startsWith("step") ? step.part.replace("step", "step ") : WHERE[step.part] ?? "around the change",
      step.seconds != null && ` · took ${duration(step.seconds)}`),
    make("ol", {}, step.tasks.map((task) => make("li", {}, task.name, " ", make("span", { className: "module" }, task.module),
      task.once && make("span", { className: "when" }, " · on one host"),
      task.no_return && make("span", { className: "no-return" }, " · point of no return"),
      task.when && make("span", { className: "when" }, " · when ", make("code", {}, task.when)))))));
}

// --- Services ---

function serviceCard(service) {
  return card(`service-${service.name}`, service.outage, [
    make("span", { className: "what" }, service.name),
    make("span", { className: `badge ${service.outage}` }, OUTAGES[service.outage]),
    make("span", { className: "more" }, versionWords(service)),
    make("span", { className: "right" }, `stage ${service.stage} · ${count(service.hosts.length, "host")} · ${service.slots} at once`),
  ], () => [
    make("dl", {},
      make("dt", {}, "expected"), make("dd", {}, expected(service)),
      make("dt", {}, "comes after"), make("dd", {}, befores(service).length ? befores(service).map((each, index) => [index ? ", " : "", make("a", { href: `#service-${each.name}` }, each.name)]) : "nothing"),
      service.together && [make("dt", {}, "changes together with"), make("dd", {}, togetherWith(service), ", where they share a host: all stop before any is upgraded, and start when all have migrated")],
      make("dt", {}, "waves"), make("dd", {}, wavesOf(service)),
      make("dt", {}, `hosts of ${service.group}`), make("dd", { className: "names-of" }, service.hosts.map((host) => plan.hosts[host]).join(" "))),
    versions(service),
    stepList(service, Object.values(PARTS_OF).flat()),
  ]);
}
const togetherWith = (service) => service.together.filter((name) => name !== service.name)
  .map((name, index) => [index ? ", " : "", make("a", { href: `#service-${name}` }, name)]);
function wavesOf(service) {
  const found = plan.plays.filter((play) => play.kind === "change" && play.services.some((each) => each.service === service));
  if (!found.length) return "none";
  return found.map((play, index) => [index ? ", " : "", make("a", { href: `#play-${play.id}` }, play.title.replace(/^Wave /, ""))]);
}
function versionWords(service) {
  const news = service.packages.filter(([, installed, candidate]) => installed && candidate && installed !== candidate);
  const [first] = news;
  if (!first) return service.packages.length ? "nothing newer to install" : "";
  return `${first[0]} ${first[1]} → ${first[2]}${news.length > 1 ? " …" : ""}`;
}
function versions(service) {
  if (!service.packages.length) return null;
  return make("table", { className: "versions" },
    make("thead", {}, make("tr", {}, ["Package", "Installed", "Would be installed", "Hosts"].map((word) => make("th", { scope: "col" }, word)))),
    make("tbody", {}, service.packages.map(([name, installed, candidate, hosts]) => make("tr", {}, make("th", { scope: "row" }, name),
      make("td", {}, installed || "not installed"), make("td", {}, installed === candidate ? "the same" : candidate || "none available"), make("td", {}, String(hosts))))));
}

// --- Hosts ---

function hostRow(host) {
  const name = plan.hosts[host], when = disruptions(host);
  const on = [...new Set(visits[host].flatMap(([, there]) => there))];
  const down = [...new Set(when.flatMap(([, there]) => there.filter((each) => each.outage === "down").map((each) => each.name)))];
  const button = make("button", { type: "button", "aria-expanded": "false" }, name);
  const row = make("tr", { id: `host-${name}` }, make("th", { scope: "row" }, button),
    make("td", {}, on.map((each) => each.name).join(", ")),
    make("td", {}, when.length ? when.map(([play]) => play.title).join(", ") : "–"),
    make("td", { className: "more" }, !when.length ? "not disrupted" : down.length ? make("span", { className: "badge down" }, `${cut(down.join(", "), 40)} down`) : "others serve meanwhile"));
  let more;
  row.toggle = (open) => {
    button.setAttribute("aria-expanded", open);
    if (open && !more) { more = hostDetails(host); row.after(more); }
    if (more) more.hidden = !open;
  };
  button.addEventListener("click", () => row.toggle(button.getAttribute("aria-expanded") === "false"));
  return row;
}
function hostDetails(host) {
  return make("tr", { className: "details" }, make("td", { colSpan: 4 },
    visits[host].map(([play, on]) => on.map((service) => [
      make("h3", {}, `${play.title} · ${service.name} `, make("span", { className: `badge ${DISRUPTIVE.has(play.kind) ? service.outage : "plain"}` },
        DISRUPTIVE.has(play.kind) ? OUTAGES[service.outage] : "no interruption")),
      stepList(service, PARTS_OF[play.kind]),
    ]))));
}

// --- Search ---

const index = []; // [element, words to look in, kind, name]
const names = new Set([...plan.hosts, ...services.map((service) => service.name)].map((name) => name.toLowerCase()));
function lookUp(text) {
  // The whole name of a host or service means just that one: web1 is not web10.
  const words = text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => (names.has(word) ? ` ${word} ` : word));
  const hits = { plays: 0, services: 0, hosts: 0 };
  const matching = new Set();
  for (const [element, haystack, kind, name] of index) {
    const hit = words.every((word) => haystack.includes(word));
    element.hidden = !hit;
    if (kind === "hosts") { element.toggle(hit && words.length > 0 && element.firstChild.textContent.toLowerCase() === words.join(" ").trim()); }
    if (hit) { hits[kind] += 1; if (kind === "services") matching.add(name); }
  }
  for (const element of document.querySelectorAll("[data-service]")) {
    const ofIt = element.dataset.service.split(" ");
    element.classList.toggle("dim", words.length > 0 && !ofIt.every((name) => matching.has(name)));
  }
  bring(byId("graph"), "a.node:not(.dim)");
  bring(byId("timeline"), "li:not(.dim)");
  byId("found").textContent = words.length ? `${count(hits.hosts, "host")}, ${count(hits.services, "service")}, ${count(hits.plays, "play")}` : "";
}
const haystack = (words) => ` ${words.flat(Infinity).join(" ").toLowerCase()} `;
/** Scroll to the first match inside a box, and leave the page where it is. */
function bring(box, selector) {
  const found = box.querySelector(selector)?.getBoundingClientRect(), frame = box.getBoundingClientRect();
  if (found) box.scrollBy(found.left - frame.left - 60, found.top - frame.top - HEAD - 8);
}
function search() {
  const query = byId("query");
  let timer;
  query.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => lookUp(query.value), plan.hosts.length > 500 ? 120 : 0); });
  query.form.addEventListener("submit", (event) => { event.preventDefault(); lookUp(query.value); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== query) { event.preventDefault(); query.focus(); query.select(); }
    if (event.key === "Escape" && document.activeElement === query) { query.value = ""; lookUp(""); }
  });
  const given = new URLSearchParams(location.search).get("q");
  if (given) { query.value = given; lookUp(given); }
}
function lists() {
  const words = (service) => [service.name, service.group, service.stage,
    ...service.steps.flatMap((step) => step.tasks.map((task) => `${task.name} ${task.module}`)),
    ...service.packages.flat()].join(" ").toLowerCase();
  const wordsOf = new Map(services.map((service) => [service, words(service)]));
  for (const column of columnsOf(plan.plays)) {
    const item = playCard(column);
    byId("play-list").append(item);
    const told = column.plays.map((play) => [play.title, play.services.map(({ service }) => service.name), play.hosts.map((host) => plan.hosts[host])]);
    index.push([item, haystack(told), "plays"]);
  }
  for (const service of services) {
    const item = serviceCard(service);
    byId("service-list").append(item);
    index.push([item, haystack([wordsOf.get(service), service.hosts.map((host) => plan.hosts[host])]), "services", service.name]);
  }
  const body = document.createDocumentFragment();
  plan.hosts.forEach((name, host) => {
    const row = hostRow(host);
    body.append(row);
    const there = new Set(visits[host].flatMap(([, on]) => on));
    index.push([row, haystack([name, [...there].map((service) => wordsOf.get(service))]), "hosts"]);
  });
  byId("host-table").tBodies[0].append(body);
}

// --- The page ---

function show(id) {
  const target = byId(id);
  if (!target) return;
  target.closest("li")?.removeAttribute("hidden");
  if (target.tagName === "DETAILS") { target.open = true; target.fill(); target.querySelector("summary").focus({ preventScroll: true }); }
  target.scrollIntoView({ block: "start" });
}
function theme() {
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
}
function paper() {
  // On paper nothing can be opened: the services say what is done, the plays where and when.
  onPaper.push(() => {
    const opened = [...document.querySelectorAll("#service-list details:not([open])")];
    opened.forEach((details) => { details.fill(); details.open = true; });
    return () => opened.forEach((details) => { details.open = false; });
  });
  let undo = [];
  addEventListener("beforeprint", () => { undo = onPaper.map((prepare) => prepare()); });
  addEventListener("afterprint", () => { undo.forEach((each) => each()); undo = []; });
}

document.title = `Upgrade plan ${plan.id}`;
summary();
graph();
legend();
timeline();
lists();
search();
theme();
paper();
addEventListener("hashchange", () => show(decodeURIComponent(location.hash.slice(1))));
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#']");
  if (link) setTimeout(() => show(decodeURIComponent(link.getAttribute("href").slice(1))));
});
if (location.hash) show(decodeURIComponent(location.hash.slice(1)));
document.documentElement.dataset.ready = "yes";
