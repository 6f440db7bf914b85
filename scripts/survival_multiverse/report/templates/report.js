// The page's own script: what the reader chooses goes to the charts of its chapter as signals and to the address; a
// click opens an analysis. Vega draws; numbers and words are made when the page is written, and lie in compressed
// blocks. Everything given is set as text, never as HTML.
(async () => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const blocks = new Map();
  const unpack = (name) => {
    if (!blocks.has(name)) {
      blocks.set(name, (async () => {
        const bytes = Uint8Array.from(atob(byId(`block-${name}`).textContent), (letter) => letter.charCodeAt(0));
        const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
        return JSON.parse(await new Response(stream).text());
      })());
    }
    return blocks.get(name);
  };

  // Two tabs: the report, and how it was made. Without this script they follow each other.

  const panels = { report: byId("report"), audit: byId("audit") };
  const show = (tab) => {
    for (const [name, panel] of Object.entries(panels)) panel.hidden = name !== tab;
    document.querySelector("nav a[href='#methods']").setAttribute("aria-current", tab === "audit" ? "page" : "false");
  };
  function reveal(id) {
    const target = id && byId(id);
    if (!target) return;
    show(panels.audit.contains(target) ? "audit" : "report");
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS" && part.closest("main")) part.open = true;
    target.scrollIntoView();
  }
  show("report");

  // On a narrow screen the contents list is a sheet that begins folded.
  const contents = document.querySelector("nav details");
  const narrow = window.matchMedia("(max-width: 63.99rem)");
  const fold = () => { contents.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  contents.addEventListener("click", (event) => { if (event.target.closest("a")) fold(); });
  fold();

  const page = await unpack("opening");
  const { decisions, analyses } = page;
  const outer = decisions.filter((decision) => !decision.inside);
  const inner = decisions.filter((decision) => decision.inside);
  // Choices in which analyses of one question differ: those within it, and uncertain ones, which can be pooled.
  const choosable = decisions.filter((decision) => (decision.inside || decision.pooled) && decision.values.length > 1);
  const columnsOf = ({ columns }) => Object.fromEntries(Object.entries(columns)
    .map(([name, values]) => [name, Array.isArray(values) ? (i) => values[i] : () => values.all]));
  // The measure that the analyses are read in, and what they hold in it.
  let { measure } = page;
  let get = columnsOf(analyses);
  const valuesOf = Object.fromEntries(decisions.map((decision) => [decision.name, decision.values]));
  const label = (name, i) => (!valuesOf[name] || get[name](i) < 0 ? null : valuesOf[name][get[name](i)]);
  // A count too small to be shown is held back as -1.
  const shownCount = (value) => (value < 0 ? null : value);
  const named = page.names;

  // Rows of the primary population without a landmark: what the charts of the grid draw.
  const copied = ["estimate", "ci_lower", "ci_upper", "p_value", "p_text", "smd", "matched_share", "orders_from", "orders_to", "variance_between_orders"];
  const rowsRead = () => Array.from({ length: analyses.rows }, (_, i) => ({
    i,
    ...Object.fromEntries(named.map((name) => [name, label(name, i)])),
    choices: [...choosable.filter(({ name }) => label(name, i)).map(({ name }) => `${name}: ${label(name, i)}`),
      ...(get.gate(i) ? ["gate: through"] : [])],
    estimator: page.estimators[get.estimator(i)], matching: get.estimator(i) === page.matched,
    ...Object.fromEntries(copied.map((name) => [name, get[name](i)])),
    ...(measure.ratio ? { inverse: get.estimate(i) ? 1 / get.estimate(i) : null } : {}), patients: shownCount(get.patients(i)), events: shownCount(get.events(i)),
    caution: get.caution(i) || "none", gate: Boolean(get.gate(i)), primary: Boolean(get.primary(i)), side: page.sides[get.side(i)],
  }));
  let specs = rowsRead();
  const firstSpecs = specs;

  const own = { specs: () => specs, shares };
  const opening = page.first;
  const state = structuredClone(opening);
  const views = new Map();

  // Charts

  let library;
  const vega = () => {
    library ||= unpack("scripts").then((text) => {
      const element = document.createElement("script");
      element.textContent = `(() => { ${text} })();`;
      document.head.append(element);
    });
    return library;
  };

  const fitted = (text, room) => JSON.parse(text, (key, value) => {
    const parts = key === "width" && /^@(\d+):(\d+)$/.exec(value);
    return parts ? Math.max(40, Math.floor((room - parts[2]) / parts[1])) : value;
  });

  const readout = document.createElement("p");
  readout.className = "readout";

  // Over the curve the numbers stand in a line of their own: they never cover what they are about.
  const inLine = (_handler, _event, _item, value) => {
    readout.textContent = value ? Object.entries(value).filter(([, text]) => text !== null && text !== "null" && text !== "none")
      .map(([name, text]) => `${name} ${text}`).join(" · ") : "Point at an analysis for its numbers.";
  };

  async function draw(holder, data = {}) {
    const name = holder.dataset.chart;
    const text = chartText(name);
    const room = Math.max(holder.clientWidth, Number(holder.dataset.least || 300));
    const spec = fitted(text, room - 4);
    spec.datasets = { ...Object.fromEntries(Object.entries(own).filter(([set]) => text.includes(`{"name":"${set}"}`))
      .map(([set, rows]) => [set, rows()])), ...data };
    for (const param of spec.params || []) if (param.name in state) param.value = state[param.name];
    await vega();
    views.get(name)?.finalize();
    const tooltip = name === "curve-chart" ? inLine : { theme: "page" };
    const result = await window.vegaEmbed(holder, spec, { renderer: "svg", actions: false, tooltip, logLevel: 1 });
    views.set(name, result);
    holder.dataset.drawn = room;
    holder.dataset.measure = measure.measure;
    holder.querySelector("svg")?.setAttribute("aria-hidden", "true");
    result.view.addEventListener("click", (_, item) => clicked(name, item?.datum));
    if (name === "curve-chart") {
      inLine();
      holder.before(readout);
      watchBrush(result.view);
    }
    sayIfEmpty(holder);
    return result.view;
  }

  // Lines of reference are hidden from screen readers; what is left is what the chart shows.
  function sayIfEmpty(holder) {
    const note = holder.parentElement.querySelector("[data-emptied]");
    if (note) note.hidden = Boolean(holder.querySelector(".role-mark > [aria-roledescription]"));
  }

  const charts = all("[data-chart]:not([data-on-demand])");
  let drawing = Promise.resolve();
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      // One after another, in the order of the page: the first chart is there before the next begins.
      if (isIntersecting) { seen.unobserve(target); drawing = drawing.then(() => target.dataset.drawn || draw(target)); }
    }
  }, { rootMargin: "600px" });
  charts.forEach((holder) => seen.observe(holder));
  // What is folded or in the other tab is drawn when it opens.
  const visible = (holder) => holder.checkVisibility();
  const drawVisible = () => Promise.all(charts.filter((holder) => !holder.dataset.drawn && visible(holder)).map((holder) => draw(holder))).then(() => null);
  // Paper waits for nothing: what is not folded is drawn when there is time.
  const idle = window.requestIdleCallback || ((call) => setTimeout(call, 500));
  const drawWhenIdle = () => idle(() => { drawing = drawing.then(drawVisible); });

  let resizing;
  window.addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => {
      for (const holder of charts) {
        if (holder.dataset.drawn && visible(holder) && Math.abs(holder.dataset.drawn - holder.clientWidth) > 8) draw(holder);
      }
      markScrollers();
    }, 200);
  });

  // What is wider than its place can be reached by the keyboard, and says that it scrolls.
  function markScrollers() {
    for (const box of all(".scroll").filter(visible)) {
      const wide = box.scrollWidth > box.clientWidth + 1;
      box.toggleAttribute("data-scrolls", wide);
      if (wide) { box.tabIndex = 0; box.setAttribute("role", "region"); box.setAttribute("aria-label", titleOf(box)); } else box.removeAttribute("tabindex");
    }
  }
  const titleOf = (part) => part.getAttribute("aria-label") || part.closest("[data-title]")?.dataset.title || "Table";
  document.addEventListener("toggle", (event) => { if (event.target.open) markScrollers(); }, true);

  // The address: the analysis that is open, and what differs from the view with which the page opens.

  const codeOf = (i) => [get.estimator(i), ...decisions.map(({ name }) => get[name](i))].join(".");
  const place = new Map(specs.map(({ i }) => [codeOf(i), i]));
  let opened = null;

  function query() {
    const parts = new URLSearchParams();
    for (const name of ["measure", "estimator", ...outer.map((decision) => decision.name), "group", "cells"]) {
      if (state[name] !== opening[name]) parts.set(name, state[name]);
    }
    for (const { name } of inner) {
      const left = opening.chosen[name].filter((value) => !state.chosen[name].includes(value));
      for (const value of left) parts.append(`without.${name}`, value);
    }
    if (state.chosen.gate !== "all") parts.set("gate", state.chosen.gate);
    if (opened !== null) parts.set("analysis", codeOf(opened));
    return parts.toString();
  }
  const address = (id, text) => (text ? `#${id || "explore"}?${text}` : id ? `#${id}` : location.pathname + location.search);

  function read(text) {
    const parts = new URLSearchParams(text || "");
    Object.assign(state, structuredClone(opening));
    for (const name of ["measure", "estimator", ...outer.map((decision) => decision.name), "group", "cells"]) {
      const known = all(`[data-control="${name}"] option`).map((option) => option.value);
      if (known.includes(parts.get(name))) state[name] = parts.get(name);
    }
    for (const { name } of inner) {
      const left = parts.getAll(`without.${name}`);
      state.chosen[name] = opening.chosen[name].filter((value) => !left.includes(value));
    }
    if (parts.get("gate") === "through") state.chosen.gate = "through";
    return place.get(parts.get("analysis")) ?? null;
  }

  const remember = () => history.pushState({ view: query() }, "", address(null, query()));

  // An entry of the browser's history holds its view; a link within the page keeps what was chosen.
  async function restore({ state: entry } = {}) {
    const [id, text] = location.hash.slice(1).split("?");
    if (!entry && id && text === undefined) {
      history.replaceState({ view: query() }, "", location.href);
      reveal(id);
      return;
    }
    const wanted = read(entry ? entry.view : text);
    await answerBy(state.measure);
    syncControls();
    tell();
    if (entry) show(panels.audit.contains(byId(id)) ? "audit" : "report");
    else if (text !== undefined) reveal(id);
    if (!entry) history.replaceState({ view: text || "" }, "", location.href);
    if (wanted !== null) await open(wanted, false);
    else if (card.open) { opened = null; card.close(); }
  }
  window.addEventListener("popstate", restore);

  // Measures: the page opens with the primary one; of the others numbers, charts and captions are unpacked on demand.

  const exploring = charts.filter((holder) => byId("explore").contains(holder));
  const chartText = (name) => (measure.charts && (name in measure.charts || exploring.some((holder) => holder.dataset.chart === name))
    ? measure.charts[name] : page.charts[name]);
  const said = exploring.flatMap((holder) => all("[data-said], [data-alternative]", holder.closest(".exhibit")).map((part) => [holder, part, part.innerHTML]));

  async function answerBy(name) {
    if (name === measure.measure) return;
    measure = name === page.measure.measure ? page.measure : (await unpack("measures"))[name];
    get = columnsOf({ columns: { ...analyses.columns, ...measure.columns } });
    specs = rowsRead();
    for (const [holder, part, first] of said) {
      const words = measure.words ? measure.words[holder.dataset.chart] : null;
      if (!measure.words) part.innerHTML = first;
      else if (words) part.textContent = words[part.dataset.said || "alternative"];
      if (part.dataset.said === "title") holder.closest(".exhibit").dataset.title = part.textContent;
    }
    // What only hazard ratios have, such as their range over the orders of equal scores, is not there in others.
    for (const holder of exploring) holder.closest(".exhibit").hidden = Boolean(measure.charts) && !measure.charts[holder.dataset.chart];
  }

  // Controls

  let told = 0;

  async function refresh(holder) {
    if (holder.closest(".exhibit").hidden) return;
    const view = views.get(holder.dataset.chart)?.view;
    if (!view) return;
    // What moves the answer has other rows, and with them another height; another measure has another axis.
    if (holder.dataset.chart === "attribution-chart" || holder.dataset.measure !== measure.measure) { await draw(holder); return; }
    const { signals } = view.getState({ signals: (name) => name in state, data: () => false });
    // A copy: Vega takes an object for unchanged if it is the same one.
    for (const name of Object.keys(signals)) view.signal(name, structuredClone(state[name]));
    await view.runAsync();
    sayIfEmpty(holder);
  }

  function tell() {
    told += 1;
    const now = told;
    for (const holder of exploring) drawing = drawing.then(() => now === told && refresh(holder));
    describe();
    fillTable();
  }

  // Another set of covariates estimates something else, as another threshold, dose or estimator does.
  const asked = (row) => outer.every(({ name, pooled }) => !row[name] || row[name] === state[name] || (pooled && state[name] === pooled));
  const inBlock = (row) => row.estimator === state.estimator && asked(row);
  const chosen = (row) => inner.every(({ name }) => !row[name] || state.chosen[name].includes(row[name]));
  const kept = (row) => chosen(row) && (state.chosen.gate === "all" || row.gate !== false);
  const shown = () => specs.filter((row) => inBlock(row) && kept(row));
  const sorted = (rows) => [...rows].sort((a, b) => (a.estimate ?? Infinity) - (b.estimate ?? Infinity) || a.i - b.i);

  // Analyses are summarised by the logarithm of a ratio, and by a difference as it is.
  const effectOf = (row) => (measure.ratio ? Math.log(row.estimate) : row.estimate);
  // An estimate as text; a difference has its sign, and is shown in its unit.
  function written(value) {
    if (measure.ratio || value === null || value === undefined) return two(value);
    const text = Math.abs(measure.scale * value).toFixed(measure.digits);
    return Number(text) === 0 ? text : `${value < 0 ? "−" : "+"}${text}`;
  }
  const withUnit = (text) => (measure.unit ? `${text} ${measure.unit}` : text);
  const isLonger = (row) => measure.longer * (row.estimate - measure.null) > 0;
  // Where a curve does not fall far enough or follow-up ends too early, the others are a selected rest without a median.
  const isSelected = (rows) => !measure.ratio && rows.some(({ i }) => get.selects(i));

  function middle(rows) {
    const sorted = rows.map((row) => row.estimate).sort((a, b) => a - b);
    const half = sorted.length / 2;
    const [low, high] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
    const even = measure.ratio ? Math.sqrt(low * high) : (low + high) / 2;
    return [sorted, sorted.length % 2 ? high : even];
  }

  // Models that adjust for covariates balance nothing.
  function balanceWords(rows) {
    if (rows.every((row) => row.smd === null)) return "";
    const through = rows.filter((row) => row.gate);
    const known = through.filter((row) => row.estimate !== null);
    const median = known.length && !isSelected(through) ? `, with a median of ${withUnit(written(middle(known)[1]))}` : "";
    return through.length ? ` Every baseline covariate is balanced in ${through.length}${median}.` : " None balances every baseline covariate.";
  }

  function summaryWords(rows) {
    const known = rows.filter((row) => row.estimate !== null);
    if (!known.length) return `No ${measure.name} is left (${blockWords()}).`;
    if (isSelected(rows)) {
      return `${blockWords()}: the ${measure.name} is known in ${known.length} of ${rows.length}. In others a curve does not fall far enough, or `
        + `follow-up ends too early, so no median is given.${balanceWords(rows)}`;
    }
    const [values, median] = middle(known);
    return `${blockWords()}: the median ${measure.name} is ${written(median)}, from ${written(values[0])} to ${withUnit(written(values.at(-1)))}; `
      + `${known.filter(isLonger).length} of ${known.length} lie ${measure.side}.${balanceWords(known)}`;
  }

  // A value as it stands in a sentence.
  const spoken = ({ values, spoken: texts, pooled }, value) => (value === pooled ? pooled : texts[values.indexOf(value)]);
  const blockWords = () => [state.estimator, ...outer.filter(({ name }) => shown().some((row) => row[name]))
    .map((decision) => spoken(decision, state[decision.name]))].join(", ");

  function describe() {
    const whole = specs.filter(inBlock);
    byId("shown-count").textContent = `${shown().length} of ${whole.length} shown`;
    const text = summaryWords(shown());
    byId("block-words").textContent = text;
    const said = document.querySelector("#curve-chart [data-alternative]");
    if (said) said.textContent = text;
    // A control that does nothing for this estimator is not there.
    for (const field of all("[data-field]")) {
      const name = field.dataset.field;
      if (name === "gate") field.hidden = whole.every((row) => row.smd === null);
      else if (name === "group") field.hidden = !inner.some((decision) => decision.values.length > 1 && whole.some((row) => row[decision.name]));
      else field.hidden = !whole.some((row) => row[name]) && state.estimator === whole[0]?.estimator;
    }
    fillChips();
  }

  function fillChips() {
    const chips = [];
    const add = (text, undo) => {
      const button = element("button", text, { type: "button", "aria-label": `${text}: remove` });
      button.addEventListener("click", () => { undo(); changed(); });
      const item = element("li");
      item.append(button);
      chips.push(item);
    };
    if (state.measure !== opening.measure) add(measure.heading, () => { state.measure = opening.measure; });
    if (state.estimator !== opening.estimator) add(state.estimator, () => { state.estimator = opening.estimator; });
    for (const decision of outer) {
      const { name } = decision;
      if (state[name] !== opening[name]) add(spoken(decision, state[name]), () => { state[name] = opening[name]; });
    }
    for (const decision of inner) {
      const { name } = decision;
      for (const value of opening.chosen[name].filter((found) => !state.chosen[name].includes(found))) {
        add(`without ${spoken(decision, value)}`, () => { state.chosen[name] = opening.chosen[name].filter((found) => found === value || state.chosen[name].includes(found)); });
      }
    }
    if (state.chosen.gate !== "all") add("baseline covariates balanced", () => { state.chosen.gate = "all"; });
    if (state.group) add(`grouped by ${inner.find(({ name }) => name === state.group).words}`, () => { state.group = ""; });
    byId("chips").replaceChildren(...chips);
    byId("reset").hidden = !chips.length;
  }

  function follow() { syncControls(); tell(); remember(); }
  function changed() {
    if (state.measure === measure.measure) follow();
    else drawing = drawing.then(() => answerBy(state.measure)).then(follow);
  }

  function syncControls() {
    for (const field of all("[data-control]")) field.value = state[field.dataset.control];
    for (const box of all("[data-choice]")) {
      const name = box.dataset.choice;
      box.checked = name === "gate" ? state.chosen.gate === "through" : state.chosen[name].includes(box.value);
    }
  }

  document.addEventListener("change", ({ target }) => {
    const { control, choice } = target.dataset;
    if (control) state[control] = target.value;
    else if (choice === "gate") state.chosen.gate = target.checked ? "through" : "all";
    else if (choice) state.chosen[choice] = all(`[data-choice="${choice}"]`).filter((box) => box.checked).map((box) => box.value);
    else return;
    changed();
  });
  const closePicks = (but) => all(".pick[open]").filter((pick) => pick !== but).forEach((pick) => { pick.open = false; });
  document.addEventListener("click", ({ target }) => closePicks(target.closest?.(".pick")));
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape") closePicks(); });
  byId("reset").addEventListener("click", () => {
    Object.assign(state, structuredClone(opening));
    changed();
    // The mark of the last drag goes with it.
    const curve = document.querySelector("[data-chart=curve-chart]");
    drawing = drawing.then(() => curve?.dataset.drawn && draw(curve));
  });

  // Dragging over rows of the decision panel keeps those choices; a decision without a row keeps them all.
  function watchBrush(view) {
    let waiting;
    view.addSignalListener("decide", (_, value) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        const rows = page.choices.filter((row) => (value.choice || []).includes(row.choice));
        if (!rows.length) return;
        state.chosen = structuredClone(opening.chosen);
        for (const { name } of inner) {
          const values = rows.filter((row) => row.field === name).map((row) => row.value);
          if (values.length) state.chosen[name] = values;
        }
        if (rows.some((row) => row.field === "gate")) state.chosen.gate = "through";
        changed();
      }, 250);
    });
  }

  function clicked(name, datum) {
    const row = datum?.i !== undefined ? datum : datum?.datum;
    if (row?.i === undefined) return;
    if (name !== "blocks-chart") { open(row.i); return; }
    for (const decision of outer) {
      if (row[decision.name]) state[decision.name] = row.pooling === "pooled" && decision.pooled ? decision.pooled : row[decision.name];
    }
    changed();
    byId("explore").scrollIntoView({ behavior: "smooth" });
  }

  // What moves the estimates of the analyses kept, ratios by their logarithm. Of every combination of the choices:
  // sums of squares of a full factorial, a mean less those of its parts; levels with the largest share of gaps go until
  // there is none, as in the tables. Where combinations are missing: each choice's share of what all of them explain,
  // and the rest.
  const mostTogether = 5;
  function attribution(rows, tested) {
    const factors = choosable.map(({ name, values }) => [name, values.filter((level) => rows.some((row) => row[name] === level))])
      .filter(([key, levels]) => levels.length > 1 && rows.every((row) => row[key]));
    const keys = factors.map(([key]) => key);
    const cellOf = (row) => JSON.stringify(keys.map((key) => row[key]));
    const size = factors.reduce((product, [, levels]) => product * levels.length, 1);
    const whole = size === rows.length && new Set(rows.map(cellOf)).size === size;
    return whole && keys.length <= mostTogether ? together(rows, tested, factors) : each(rows.filter(tested), factors);
  }

  // Squares as shares of their sum.
  function asShares(squares) {
    const total = squares.reduce((sum, [, square]) => sum + square, 0);
    return total > 0 ? squares.map(([term, square]) => [term, square / total]) : [];
  }

  function together(every, tested, factors) {
    const rows = every.filter(tested);
    const keys = factors.map(([key]) => key);
    const at = (cell, part) => JSON.stringify(part.map((key) => cell[key]));
    const found = new Map(rows.filter((row) => row.estimate !== null).map((row) => [at(row, keys), effectOf(row)]));
    let cells = factors.reduce((every, [key, levels]) => every.flatMap((cell) => levels.map((level) => ({ ...cell, [key]: level }))), [{}]);
    const gap = (cell) => !found.has(at(cell, keys));
    while (cells.some(gap)) {
      let worst = { share: -1 };
      for (const [key, levels] of factors) {
        for (const level of levels) {
          const here = cells.filter((cell) => cell[key] === level);
          const share = here.filter(gap).length / here.length;
          if (share > worst.share) worst = { key, level, share };
        }
      }
      cells = cells.filter((cell) => cell[worst.key] !== worst.level);
    }
    const parts = keys.reduce((every, key) => [...every, ...every.map((part) => [...part, key])], [[]]).sort((a, b) => a.length - b.length);
    const effects = new Map();
    for (const part of parts) {
      const sums = new Map();
      for (const cell of cells) {
        const [sum, count] = sums.get(at(cell, part)) || [0, 0];
        sums.set(at(cell, part), [sum + found.get(at(cell, keys)), count + 1]);
      }
      const smaller = [...effects].filter(([other]) => other.every((key) => part.includes(key)));
      effects.set(part, cells.map((cell, position) => {
        const [sum, count] = sums.get(at(cell, part));
        return smaller.reduce((rest, [, effect]) => rest - effect[position], sum / count);
      }));
    }
    const squares = [...effects].filter(([part]) => part.length).map(([part, effect]) => [part.join(" x "), effect.reduce((sum, e) => sum + e * e, 0)]);
    // Of a match also the order of equal scores: the variance between the orders, summed over the same cells.
    const between = new Map(rows.map((row) => [at(row, keys), row.variance_between_orders]));
    const ties = cells.map((cell) => between.get(at(cell, keys)));
    if (ties.every((tie) => tie !== null && tie !== undefined)) squares.push(["tie_break", ties.reduce((sum, tie) => sum + tie, 0)]);
    return asShares(squares);
  }

  // What each factor adds to the R² of the main effects, averaged over all orders of adding them (Lindeman, Merenda
  // and Gold 1980): as in the tables.
  function each(every, factors) {
    const rows = every.filter((row) => row.estimate !== null);
    if (rows.length < 2) return [];
    const values = rows.map(effectOf);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const centred = values.map((value) => value - mean);
    const squares = centred.reduce((sum, value) => sum + value * value, 0);
    if (!(squares > 1e-18)) return [];
    const varying = factors.map(([key, levels]) => [key, levels.filter((level) => rows.some((row) => row[key] === level))])
      .filter(([, levels]) => levels.length > 1);
    const columns = varying.map(([key, levels]) => levels.slice(1).map((level) => {
      const indicator = rows.map((row) => (row[key] === level ? 1 : 0));
      const middle = indicator.reduce((sum, one) => sum + one, 0) / rows.length;
      return indicator.map((one) => one - middle);
    }));
    const count = varying.length;
    const explained = Array.from({ length: 1 << count }, (_, subset) => explainedBy(columns.filter((_, place) => subset & (1 << place)).flat(), centred));
    const factorial = (n) => (n < 2 ? 1 : n * factorial(n - 1));
    const shares = varying.map(([key], place) => {
      let share = 0;
      for (let subset = 0; subset < explained.length; subset += 1) {
        if (subset & (1 << place)) continue;
        const before = subset.toString(2).split("1").length - 1;
        const weight = (factorial(before) * factorial(count - before - 1)) / factorial(count);
        share += weight * (explained[subset | (1 << place)] - explained[subset]);
      }
      return [key, share];
    });
    const rest = squares - explained.at(-1);
    const between = rows.map((row) => row.variance_between_orders);
    const ties = between.every((tie) => tie !== null && tie !== undefined) ? [["tie_break", between.reduce((sum, tie) => sum + tie, 0)]] : [];
    return asShares([...shares, ["interactions", Math.max(rest, 0)], ...ties]);
  }

  // Sum of squares that columns explain of a centred response: by Gram and Schmidt, collinear columns adding nothing.
  function explainedBy(columns, response) {
    const dot = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);
    const basis = [];
    let total = 0;
    for (const column of columns) {
      let left = column;
      for (const unit of basis) {
        const along = dot(unit, left);
        left = left.map((value, at) => value - along * unit[at]);
      }
      const length = dot(left, left);
      if (length <= 1e-9 * dot(column, column)) continue;
      const unit = left.map((value) => value / Math.sqrt(length));
      basis.push(unit);
      total += dot(unit, response) ** 2;
    }
    return total;
  }

  function shares() {
    const tested = (row) => state.chosen.gate === "all" || row.gate !== false;
    return page.estimators.flatMap((estimator) => attribution(specs.filter((row) => row.estimator === estimator && asked(row) && chosen(row)), tested)
      .map(([term, share]) => ({
        estimator, term: page.terms[term], share,
        kind: term === "tie_break" ? "no choice" : term.includes(" x ") || term === "interactions" ? "only together" : "one choice alone",
        text: share > 0 && share < 0.005 ? "<1%" : `${Math.round(100 * share)}%`,
      })));
  }

  // Tables

  function element(tag, text, attributes = {}) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }
  const two = (value) => (value === null || value === undefined ? "–" : Math.abs(value) < 1e-9 ? "0.00" : value >= 100 || value < 0.01
    ? value.toExponential(1) : value.toFixed(2));
  const estimateOf = (from, i) => (from.estimate(i) === null ? from.reason(i) || "–"
    : `${written(from.estimate(i))} (${written(from.ci_lower(i))} to ${written(from.ci_upper(i))})`);
  const estimateHead = () => `${measure.head} (CI)`;
  // What only ratios have: read the other way round they are another number.
  const ofRatios = (...parts) => (measure.ratio ? parts : []);
  const cell = (value) => (value === null || value === undefined ? "–"
    : value < 0 ? `<${page.minimum_count}` : value.toLocaleString("en"));

  function table(holder, heads, rows, title) {
    const made = element("table", undefined, { class: "data" });
    made.append(element("caption", title, { class: "hidden" }));
    const head = made.createTHead().insertRow();
    heads.forEach((text, at) => head.append(element("th", text, { scope: "col", class: at ? "" : "corner" })));
    const body = made.createTBody();
    for (const cells of rows) {
      const line = body.insertRow();
      cells.forEach((content, position) => {
        const box = position ? element("td") : element("th", undefined, { scope: "row" });
        box.append(content instanceof Node ? content : document.createTextNode(content));
        line.append(box);
      });
    }
    holder.replaceChildren(made);
    markScrollers();
  }

  const folded = byId("block-table");
  function fillTable() {
    if (!folded.open) return;
    table(folded.querySelector(".scroll"),
      ["Analysis", estimateHead(), ...ofRatios("1/HR"), "P", "Patients", "Events", "Largest |SMD|", "Balanced"],
      sorted(shown()).map((row) => {
        const button = element("button", choosable.filter(({ name }) => row[name]).map((decision) => spoken(decision, row[decision.name])).join(", ") || row.estimator, { type: "button", class: "link" });
        button.addEventListener("click", () => open(row.i));
        return [button, estimateOf(get, row.i), ...ofRatios(two(row.inverse)), row.p_text, cell(get.patients(row.i)), cell(get.events(row.i)), two(row.smd),
          row.smd === null ? "–" : row.gate ? "yes" : "no"];
      }), "The analyses shown");
  }
  folded.addEventListener("toggle", fillTable);

  // One analysis

  const card = byId("analysis");

  function facts(i) {
    const rows = [
      [measure.heading, `${get.estimate(i) === null ? estimateOf(get, i) : withUnit(estimateOf(get, i))}, P ${get.p_text(i)}`],
      ...ofRatios(["The other way round", get.estimate(i) === null ? "–" : `${two(1 / get.estimate(i))} (${two(1 / get.ci_upper(i))} to ${two(1 / get.ci_lower(i))})`]),
      ["Patients, events", `${cell(get.patients(i))}, ${cell(get.events(i))}`],
    ];
    if (get.estimator(i) === page.matched) {
      const focal = page.cutoffs ? ["below the cutoff", "at or above the cutoff"][get.focal_arm(i)] : armsOf(i)[get.focal_arm(i)];
      rows.push(["Pairs", get.pairs(i) === null ? "–" : `${cell(get.pairs(i))}; ${Math.round(100 * get.matched_share(i))}% of the smaller arm (${focal})`]);
      rows.push(...ofRatios(["Over the orders of equal scores", get.orders_from(i) === null ? "–" : `${two(get.orders_from(i))} to ${two(get.orders_to(i))}`]));
      rows.push(...ofRatios(["Rosenbaum’s Γ", get.gamma(i) === null ? "– (one-sided P of the pairs’ scores above 0.05 without any bias)" : two(get.gamma(i))]));
    }
    if (get.smd(i) !== null) {
      rows.push(["Largest |SMD|", `${two(get.smd(i))} baseline, ${two(get.smd_of_score(i))} of the score; ${get.gate(i) ? "every" : "not every"} baseline covariate balanced`]);
    }
    if (get.caution(i)) rows.push(["Caution", `rests on ${get.caution(i)}`]);
    rows.push(...ofRatios(["E-value (of the limit)", get.e_value(i) === null ? "–" : `${two(get.e_value(i))} (${two(get.e_value_of_limit(i))})`]));
    return rows;
  }

  const axes = decisions.filter((decision) => decision.texts);
  function scenarioPath(i) {
    const parts = axes.map(({ name, column, texts, primary }) => `${column}~${texts[get[name](i) < 0 ? primary : get[name](i)]}`);
    return `results/scenarios/${parts.join("/")}.parquet`;
  }

  // Every estimate of the scenario: those of this page, then other populations and landmarks.
  function related(i, more) {
    const rows = [];
    const others = measure === page.measure ? [[columnsOf(more.others), more.others.rows]] : [];
    for (const [from, count] of [[get, analyses.rows], ...others]) {
      const same = ({ name }, j) => from[name](j) < 0 || get[name](i) < 0 || get[name](i) === from[name](j);
      for (let j = 0; j < count; j += 1) if (axes.every((axis) => same(axis, j))) rows.push([from, j]);
    }
    return rows.map(([from, j]) => [
      page.estimators[from.estimator(j)] + (from.landmark_order(j) < 0 ? "" : `: ${more.orders[from.landmark_order(j)]}`),
      more.populations[from.population(j)], from.adjustment_set(j) < 0 ? "none" : valuesOf.adjustment_set[from.adjustment_set(j)],
      from.landmark(j) ? `${from.landmark(j)} ${more.time_unit}` : "none", estimateOf(from, j),
      ...ofRatios(from.estimate(j) === null ? "–" : two(1 / from.estimate(j))), from.p_text(j), cell(from.patients(j)), cell(from.events(j))]);
  }

  // Codes of the decisions, without those that do not touch the analyses of an estimator.
  const untouched = (estimator) => axes.filter(({ touches }) => !touches.includes(estimator)).map(({ name }) => name);
  const [everybody, matched] = [0, page.matched];
  const ofMatching = axes.filter(({ touches }) => touches.length === 1 && touches[0] === matched).map(({ name }) => name);
  const codes = (i, left = []) => named.map((name) => (left.includes(name) ? -1 : get[name](i))).join(".");
  // What everybody's curve does not hang on.
  const unmatched = [...untouched(everybody), "adjustment_set"];
  // An analysis that a decision does not touch has the covariates of the primary option.
  const filled = (i) => named.map((name) => {
    const axis = axes.find((decision) => decision.name === name);
    return get[name](i) < 0 && axis && get.estimator(i) !== everybody && !ofMatching.includes(name) ? axis.primary : get[name](i);
  });
  const filledCodes = (i, left = []) => filled(i).map((code, at) => (left.includes(named[at]) ? -1 : code)).join(".");

  // Names of the arms 0 and 1.
  const armsOf = (i) => page.arms[(page.exposure && get[page.exposure](i) >= 0) ? get[page.exposure](i) : 0];

  const arms = (i, { whose, shapes }) => {
    const curves = whose[get.estimator(i) === matched ? codes(i) : codes(i, unmatched)] || [];
    const [low, high] = armsOf(i);
    return [[1, high], [0, low]].flatMap(([side, arm]) => {
      if (!curves[side]) return [];
      const [time, survival, risk] = shapes[curves[side]];
      return time.map((t, at) => ({ arm, time: t, survival: survival[at], risk: risk[at] || `<${page.minimum_count}` }));
    });
  };

  function balance(i, { names, smd }) {
    const before = smd[`${filledCodes(i, ofMatching)}.${everybody}`] || [];
    const after = smd[`${filledCodes(i)}.${get.estimator(i)}`] || [];
    const stages = (at) => (get.estimator(i) ? [["Before", before[at]], ["After", after[at]]] : [["Before", before[at]]]);
    return names.flatMap((name, at) => stages(at)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([when, value]) => ({ name, stage: when, smd: value })));
  }

  // What a paper prints of the primary scenario.
  function printed(i, kind, rows) {
    const matched = get.estimator(i) === page.matched;
    return rows.filter((row) => get.primary(i) && row.kind === kind
      && (row.matched ? matched && row.adjustment_set === get.adjustment_set(i) : kind === "smd" || !matched))
      .map((row) => (kind === "smd" ? { ...row, stage: row.matched ? "After" : "Before" } : row));
  }

  function beside(i) {
    const primary = specs.find((row) => row.primary && row.estimator === specs[i].estimator && row.adjustment_set === specs[i].adjustment_set);
    const rows = [{ ...specs[i], name: "This analysis", primary: false }];
    if (primary && primary.i !== i) rows.push({ ...primary, name: "Primary scenario" });
    return rows.filter((row) => row.estimate !== null);
  }

  // The analyses as the curve shows them; one from another block has its own neighbours.
  function neighbours(i) {
    const own = (row) => row.estimator === specs[i].estimator && outer.every(({ name }) => row[name] === specs[i][name]);
    const rows = sorted(shown().some((row) => row.i === i) ? shown() : specs.filter(own)).map((row) => row.i);
    const at = rows.indexOf(i);
    return [rows[at - 1], rows[at + 1]];
  }

  async function open(i, remembered = true) {
    opened = i;
    const more = await unpack("analysis");
    const words = [page.estimators[get.estimator(i)], ...decisions.filter(({ name }) => label(name, i))
      .map((decision) => spoken(decision, label(decision.name, i))),
      get.primary(i) && "primary scenario"].filter(Boolean);
    byId("analysis-title").textContent = words.join(", ");
    byId("analysis-facts").replaceChildren(...facts(i).flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
    const path = scenarioPath(i);
    byId("analysis-command").textContent = `snakemake --cores 2 --force ${path}`;
    byId("analysis-digest").textContent = more.scenarios[path] || "–";
    table(byId("analysis-estimates"),
      ["Estimator", "Patients of", "Adjusted for", "Landmark", estimateHead(), ...ofRatios("1/HR"), "P", "Patients", "Events"], related(i, more),
      `All ${measure.plural} of this scenario${measure === page.measure ? "" : ", primary population, no landmark"}`);
    const [before, after] = neighbours(i);
    for (const [id, other] of [["analysis-before", before], ["analysis-after", after]]) {
      byId(id).disabled = other === undefined;
      byId(id).onclick = () => open(other);
    }
    if (remembered) remember();
    if (!card.open) card.showModal();
    card.scrollTop = 0;
    const km = [...arms(i, more.curves), ...printed(i, "survival", more.printed)];
    const curveOf = get.estimator(i) === page.matched ? "matched pairs" : "all patients, unweighted";
    byId("analysis-km-words").textContent = km.length
      ? `Survival of ${curveOf}; it falls in steps of at least ${page.minimum_count} events, so between two steps the whole curve lies lower.${
        km.some((row) => row.published !== undefined) ? " Hollow: published." : ""}` : "No curve: too few patients.";
    const holders = Object.fromEntries(all("[data-chart]", card).map((holder) => [holder.dataset.chart, holder]));
    const love = [...balance(i, more.balance), ...printed(i, "smd", more.printed)];
    holders["scenario-love"].closest("figure").hidden = !love.length;
    const pair = beside(i);
    holders["scenario-beside"].closest("figure").hidden = !pair.length;
    if (pair.length) await draw(holders["scenario-beside"], { beside: pair });
    holders["scenario-km"].hidden = !km.length;
    if (km.length) await draw(holders["scenario-km"], { km });
    if (love.length) await draw(holders["scenario-love"], { love });
  }
  card.addEventListener("click", (event) => { if (event.target === card) card.close(); });
  card.addEventListener("close", () => { if (opened !== null) { opened = null; remember(); } });

  // Downloads: each figure as it is seen, as SVG and PNG; each table, and the numbers of a figure, as CSV.

  const save = (blob, name) => {
    const link = element("a", undefined, { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  // The page's colours are variables; a file has none.
  function svgText(svg, title) {
    const copy = svg.cloneNode(true);
    const style = getComputedStyle(document.documentElement);
    const { width, height } = svg.getBoundingClientRect();
    const [left, top, wide, high] = (copy.getAttribute("viewBox") || `0 0 ${width} ${height}`).split(" ").map(Number);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    // With its title above it, and beneath it where the patients come from.
    const [above, below] = [24, page.origin_note ? 20 : 0];
    copy.setAttribute("viewBox", `${left} ${top - above} ${wide} ${high + above + below}`);
    copy.setAttribute("width", wide);
    copy.setAttribute("height", high + above + below);
    for (const [words, y, size] of [[title, top - 8, 14], [page.origin_note, top + high + 14, 11]]) {
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      for (const [name, value] of Object.entries({ x: left + 4, y, fill: "var(--ink)", "font-size": size, "font-family": "sans-serif" })) text.setAttribute(name, value);
      text.textContent = words || "";
      copy.append(text);
    }
    copy.style.background = style.getPropertyValue("--paper").trim();
    copy.removeAttribute("aria-hidden");
    return new XMLSerializer().serializeToString(copy).replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
  }
  async function png(text) {
    const image = new Image();
    image.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    await image.decode();
    const canvas = element("canvas", undefined, { width: 2 * image.naturalWidth, height: 2 * image.naturalHeight });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(image.src);
    return new Promise((done) => { canvas.toBlob(done, "image/png"); });
  }
  const quoted = (value) => {
    // Text that a spreadsheet would run is kept from it.
    const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value)
      : typeof value === "string" && /^'*[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  function csv(rows) {
    const names = [...new Set(rows.flatMap(Object.keys))].filter((name) => name !== "i" && name !== "choices");
    return [["data_origin", ...names], ...rows.map((row) => [page.data_origin, ...names.map((name) => row[name])])]
      .map((line) => line.map(quoted).join(",")).join("\n").concat("\n");
  }
  // The rows of a chart: those in view, or those that came with it; the largest where it has several.
  function rowsOf(name) {
    // The first picture: every cutoff of the exposure, at the first values of the other decisions that make a question.
    if (name === "hero") return firstSpecs.filter((row) => outer.every((decision) => decision.name === page.exposure || !row[decision.name] || row[decision.name] === opening[decision.name]));
    if (name !== "decisions-chart" && exploring.some((holder) => holder.dataset.chart === name)) {
      return name === "attribution-chart" ? shares() : name === "curve-chart" ? sorted(shown()) : specs;
    }
    const found = [];
    JSON.parse(chartText(name), (_, value) => { if (Array.isArray(value?.values) && typeof value.values[0] === "object") found.push(value.values); return value; });
    return found.sort((a, b) => b.length - a.length)[0] || specs;
  }
  async function download(exhibit, kind) {
    const name = exhibit.id;
    if (kind === "CSV") {
      const { table, numbers } = exhibit.querySelector("[data-table], [data-numbers]")?.dataset || {};
      const text = table || numbers ? (await unpack("tables"))[table || numbers] : csv(rowsOf(exhibit.querySelector("[data-chart]")?.dataset.chart || name));
      save(new Blob([text], { type: "text/csv" }), `${name}.csv`);
      return;
    }
    const text = svgText(all("svg", exhibit).find(visible), `${exhibit.dataset.exhibit}. ${exhibit.dataset.title}`);
    save(kind === "SVG" ? new Blob([text], { type: "image/svg+xml" }) : await png(text), `${name}.${kind.toLowerCase()}`);
  }
  for (const exhibit of all("[data-exhibit]")) {
    const isTable = exhibit.querySelector("[data-table]");
    if (isTable && !isTable.querySelector("table")) continue;
    const kinds = isTable ? ["CSV"] : exhibit.querySelector("[data-chart], [data-numbers]") || exhibit.id === "hero" ? ["SVG", "PNG", "CSV"] : ["SVG", "PNG"];
    const line = element("p", undefined, { class: "downloads no-print" });
    const link = element("a", "Link", { href: `#${exhibit.id}`, "aria-label": `Link to ${exhibit.dataset.exhibit}` });
    // A link to a picture of what was chosen says what was.
    if (byId("explore").contains(exhibit)) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        history.pushState({ view: query() }, "", address(exhibit.id, query()));
        reveal(exhibit.id);
      });
    }
    line.append(link);
    for (const kind of kinds) {
      const button = element("button", kind, { type: "button", class: "link", "aria-label": `${exhibit.dataset.exhibit} as ${kind}` });
      button.addEventListener("click", () => download(exhibit, kind));
      line.append(button);
    }
    exhibit.querySelector("figcaption").append(line);
  }

  // Search over chapters, figures, tables and terms

  const entries = [
    ...all("nav a").map((link) => [link.textContent, link.hash, ""]),
    ...all("[data-exhibit]").map((part) => [`${part.dataset.exhibit} ${part.dataset.title}`, `#${part.id}`,
      all(".caption, .how p, th", part).map((words) => words.textContent).join(" ")]),
    ...all("#audit h3").map((head, at) => { head.id ||= `audit-${at}`; return [head.textContent, `#${head.id}`, ""]; }),
    ...all("#audit .methods:not(.glossary) > div").map((part, at) => {
      part.id ||= `method-${at}`;
      return [part.querySelector("dt").textContent, `#${part.id}`, part.querySelector("dd").textContent];
    }),
    ...all(".glossary [id]").map((part) => [part.querySelector("dt").textContent, `#${part.id}`, part.querySelector("dd").textContent]),
  ];
  byId("search").addEventListener("input", ({ target }) => {
    const words = target.value.toLowerCase().split(/\s+/).filter(Boolean);
    const holds = (text) => words.every((word) => text.toLowerCase().includes(word));
    const found = words.length ? [...entries.filter(([name]) => holds(name)), ...entries.filter(([name, , text]) => !holds(name) && holds(text))] : [];
    byId("found").replaceChildren(...found.slice(0, 12).map(([name, hash]) => {
      const item = element("li");
      item.append(element("a", name, { href: hash }));
      return item;
    }), ...(words.length && !found.length ? [element("li", "Nothing found.")] : []));
  });
  byId("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") byId("found").querySelector("a")?.click();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']");
    if (link && link.hash === location.hash) reveal(link.hash.slice(1));
  });

  syncControls();
  describe();
  markScrollers();
  await restore();
  document.documentElement.dataset.ready = "true";
  drawWhenIdle();
  const drawAll = async () => {
    for (const part of all("main details.exhibit")) part.open = true;
    await drawVisible();
    markScrollers();
  };
  // What is drawn can ask for more to be drawn.
  const settled = async () => {
    for (let last = null; last !== drawing;) { last = drawing; await last; }
  };
  window.robustness = { drawAll, drawVisible, unpack, show, views, state, open, shown, settled, get specs() { return specs; } };
})();
