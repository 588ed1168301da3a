/* Reads one document: forms, controls, links, marks. Changes nothing; open shadow roots are read as well.
   Called by take.py in every frame; returns {data, elements}: data is plain, elements[i] is the control with number i.
   The shapes are those of snapshot.py. Closed shadow roots cannot be read. */
() => {
  const MOST = { forms: 120, controls: 400, options: 250, links: 1500, text: 40000, marks: 150, nodes: 60000 };
  const CONTROL = "input, textarea, select, button";
  const EDITABLE = "[contenteditable=''], [contenteditable=true], [role=textbox]";
  const SKIP = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "HEAD", "SVG", "OPTION", "SELECT", "TEXTAREA", "BUTTON"]);
  const elements = [];
  const problems = [];
  const squeeze = (text, most) => String(text || "").replace(/\s+/g, " ").trim().slice(0, most);
  const attr = (el, name, most = 200) => squeeze(el.getAttribute(name), most);
  const isControl = (node) => node.nodeType === 1 && node.matches(CONTROL) && node.type !== "hidden";
  const holdsControl = (node) => node.nodeType === 1 && (isControl(node) ||
    [...node.querySelectorAll(CONTROL)].slice(0, 30).some((one) => one.type !== "hidden"));

  /* text of a node without what is in controls, scripts and hidden parts */
  const words = (node, most, seen = { left: 4000 }) => {
    if (node.nodeType === 3) return node.data;
    if (node.nodeType !== 1 && node.nodeType !== 11) return "";
    if (node.nodeType === 1 && SKIP.has(node.tagName.toUpperCase())) return " ";
    if (node.nodeType === 1 && node.tagName === "IMG") return " " + (node.alt || "") + " ";
    let out = "";
    for (const child of (node.shadowRoot || node).childNodes) {
      if (out.length > most || --seen.left < 0) break;
      out += words(child, most - out.length, seen);
    }
    const inline = node.nodeType === 1 && /^(A|B|I|U|EM|STRONG|SPAN|SMALL|SUP|SUB|FONT|ABBR|LABEL)$/.test(node.tagName);
    return inline ? out : " " + out + " ";
  };
  const text = (node, most) => squeeze(words(node, most * 2 + 200), most);
  const up = (node) => node.parentElement || (node.getRootNode() instanceof ShadowRoot ? node.getRootNode().host : null);

  /* by what means this element cannot be seen; "" when it can */
  const hiddenBy = (el) => {
    if (!el.isConnected) return "detached";
    if (el.tagName === "INPUT" && el.type === "hidden") return "type";
    const rect = el.getBoundingClientRect();
    if (el.checkVisibility && !el.checkVisibility()) return "display";
    const style = getComputedStyle(el);
    if (style.visibility !== "visible") return "visibility";
    if (rect.width <= 1 || rect.height <= 1) return "size";
    const x = rect.left + window.scrollX, y = rect.top + window.scrollY;
    if (x + rect.width <= 0 || y + rect.height <= 0 || x > 20000) return "off_screen";
    for (let node = el, steps = 0; node && steps < 60; node = up(node), steps++) {
      const own = getComputedStyle(node);
      if (parseFloat(own.opacity) < 0.02) return "opacity";
      if (/^(absolute|fixed)$/.test(own.position) && /^rect\((0|1)(px)?,? (0|1)(px)?,? (0|1)(px)?,? (0|1)(px)?\)$/.test(own.clip)) return "clip";
      if (/^(inset\((50|100)%|circle\(0|polygon\(0(px|%)? 0(px|%)?, 0(px|%)? 0)/.test(own.clipPath)) return "clip";
      if (/^matrix\(0, 0, 0, 0,/.test(own.transform)) return "transform";
      if (own.textIndent && parseFloat(own.textIndent) < -900 && node !== el && own.overflow === "hidden") return "off_screen";
      if (node !== el && own.overflowX !== "visible") {
        const box = node.getBoundingClientRect();
        const clipped = box.width <= 1 || box.height <= 1;
        if (clipped && own.display !== "inline" && own.display !== "contents") return "clipped_parent";
      }
      if (own.position === "fixed") break;
    }
    if (style.clipPath === "inset(100%)") return "clip";
    return "";
  };

  /* one CSS path a shadow level, from the outermost */
  const path = (el) => {
    const levels = [];
    let node = el;
    for (;;) {
      const steps = [];
      const root = node.getRootNode();
      for (let one = node; one && one !== root; one = one.parentElement) {
        const siblings = one.parentNode ? [...one.parentNode.children] : [one];
        steps.unshift(`${CSS.escape(one.localName)}:nth-child(${siblings.indexOf(one) + 1})`);
      }
      levels.unshift(steps.join(" > "));
      if (!(root instanceof ShadowRoot)) return levels;
      node = root.host;
    }
  };

  const byIds = (el, name) => {
    const root = el.getRootNode();
    return attr(el, name).split(" ").filter(Boolean).slice(0, 6)
      .map((id) => root.getElementById && root.getElementById(id)).filter(Boolean).map((one) => text(one, 200)).join(" ");
  };

  const around = (el, limit, step) => {
    let node = el;
    for (let depth = 0; node && node !== limit && depth < 6; depth++) {
      let gathered = "";
      for (let one = node[step]; one; one = one[step]) {
        if (one.nodeType === 1 && (holdsControl(one) || one.tagName === "FORM")) {
          return { text: squeeze(gathered, 240), stopped: true };
        }
        const piece = one.nodeType === 3 ? one.data : one.nodeType === 1 ? words(one, 400) : "";
        gathered = step === "previousSibling" ? piece + " " + gathered : gathered + " " + piece;
        if (gathered.length > 600) break;
        if (one.nodeType === 1 && /^(P|DIV|TR|DT|TH|TD|H[1-6]|LI|LABEL|LEGEND)$/.test(one.tagName) && /[\p{L}\p{N}]/u.test(piece)) break;
      }
      if (/[\p{L}\p{N}?]/u.test(gathered)) {
        const clean = squeeze(gathered, 2000);
        return { text: step === "previousSibling" ? clean.slice(-240) : clean.slice(0, 240), stopped: false };
      }
      node = node.parentNode;
      if (node instanceof ShadowRoot) break;
    }
    return { text: "", stopped: false };
  };
  /* which column of which header row this cell stands under is not asked: forms by table put labels to the left or above */
  const near = (el, limit) => {
    const after = /^(checkbox|radio)$/.test(el.type || "");
    const one = around(el, limit, after ? "nextSibling" : "previousSibling");
    if (one.text) return one.text;
    return around(el, limit, after ? "previousSibling" : "nextSibling").text;
  };

  const groupOf = (el, limit) => {
    for (let node = el.parentElement, steps = 0; node && steps < 8; node = node.parentElement, steps++) {
      if (node.tagName === "FIELDSET") {
        const legend = [...node.children].find((one) => one.tagName === "LEGEND");
        return legend ? text(legend, 200) : "";
      }
      if (/^(group|radiogroup)$/.test(node.getAttribute("role") || "")) {
        return attr(node, "aria-label") || byIds(node, "aria-labelledby");
      }
      if (node === limit) break;
    }
    if (el.type !== "radio" || !el.name) return "";
    const first = [...(el.form || el.getRootNode()).querySelectorAll("input[type=radio]")].find((one) => one.name === el.name);
    return first ? around(first.labels && first.labels[0] && first.labels[0].contains(first) ? first.labels[0] : first, limit, "previousSibling").text : "";
  };

  const describe = (el, limit, order) => {
    const tag = el.localName;
    const native = el.matches(CONTROL);
    const type = !native ? (el.isContentEditable || attr(el, "role") === "textbox" ? "editable" : "button") : String(el.type || tag).toLowerCase();
    const labels = native && el.labels ? [...el.labels] : [];
    const rect = el.getBoundingClientRect();
    const hidden = hiddenBy(el);
    const number = elements.push(el) - 1;
    return {
      number, path: path(el), order, tag, type, native,
      name: attr(el, "name"), id: attr(el, "id"), classes: attr(el, "class"),
      around: [1, 2].map((n) => { let p = el; for (let i = 0; i < n && p; i++) p = p.parentElement; return p && p !== limit ? attr(p, "class", 120) + " " + attr(p, "id", 60) : ""; }).join(" "),
      data: squeeze([...el.attributes].filter((one) => one.name.startsWith("data-")).slice(0, 12).map((one) => one.name + "=" + one.value.slice(0, 40)).join(" "), 300),
      autocomplete: attr(el, "autocomplete"), inputmode: attr(el, "inputmode"), pattern: attr(el, "pattern"),
      maxlength: el.maxLength > 0 ? el.maxLength : null,
      label: squeeze(labels.map((one) => text(one, 300)).join(" "), 300),
      aria: squeeze(byIds(el, "aria-labelledby") || attr(el, "aria-label"), 300),
      described: squeeze(byIds(el, "aria-describedby"), 300),
      near: hidden === "type" ? "" : near(el, limit), group: hidden === "type" ? "" : groupOf(el, limit),
      placeholder: attr(el, "placeholder") || attr(el, "data-placeholder"), title: attr(el, "title"),
      value: /^(password|file)$/.test(type) ? "" : squeeze(native ? el.value : "", 200),
      text: tag === "button" || !native ? text_of_button(el) : type === "image" ? attr(el, "alt") : "",
      source: type === "image" ? attr(el, "src") : "",
      required: !!el.required, aria_required: attr(el, "aria-required") === "true",
      disabled: native ? el.matches(":disabled") : attr(el, "aria-disabled") === "true", readonly: !!el.readOnly, checked: !!el.checked, multiple: !!el.multiple,
      options: tag === "select" ? [...el.options].slice(0, MOST.options).map((one) => ({
        value: squeeze(one.value, 200), text: squeeze(one.label || one.textContent, 200), selected: one.selected, disabled: one.disabled })) : [],
      visible: hidden === "", hidden_by: hidden, label_visible: labels.some((one) => hiddenBy(one) === ""),
      width: Math.round(rect.width), height: Math.round(rect.height),
      focusable: hidden !== "type" && !/^(display|visibility|detached)$/.test(hidden) && !el.disabled && !el.closest("[inert]"),
      tabindex: el.tabIndex, aria_hidden: !!el.closest("[aria-hidden=true]"),
    };
  };
  const text_of_button = (el) => {
    let out = "";
    for (const child of el.childNodes) out += words(child, 300);
    return squeeze(out, 200) || attr(el, "title") || attr(el, "aria-label");
  };

  /* what may be a captcha's mark; which of these is one is told in captcha.py */
  const MARK = "iframe, [data-sitekey], [data-callback], [class*=captcha i], [id*=captcha i], [name*=captcha i], [src*=captcha i], " +
    "[class*=turnstile i], [class*=geetest i], [class*=challenge i], altcha-widget, cap-widget, img, canvas, script[src], [data-hcaptcha-widget-id]";
  const marks = (root, most = MOST.marks) => [...root.querySelectorAll(MARK)].slice(0, most * 3).filter((one) =>
    one.tagName !== "IMG" || one.closest("form") || /captcha|code|verif|secur/i.test(one.src + one.id + one.className)).slice(0, most).map((one) => ({
    tag: one.localName, id: attr(one, "id", 100), classes: attr(one, "class", 160), name: attr(one, "name", 100),
    source: attr(one, "src", 300) || attr(one, "data-src", 300), alt: attr(one, "alt", 100), title: attr(one, "title", 100), sitekey: attr(one, "data-sitekey", 100),
    data: squeeze([...one.attributes].filter((a) => a.name.startsWith("data-")).slice(0, 12).map((a) => a.name + "=" + a.value.slice(0, 60)).join(" "), 400),
    width: Math.round(one.getBoundingClientRect().width), height: Math.round(one.getBoundingClientRect().height),
    visible: hiddenBy(one) === "" }));

  /* the document and its open shadow roots, in order */
  const roots = [document];
  let looked = 0;
  for (let i = 0; i < roots.length && roots.length < 200; i++) {
    for (const el of roots[i].querySelectorAll("*")) {
      if (++looked > MOST.nodes) { problems.push("the page has more elements than are read"); break; }
      if (el.shadowRoot) roots.push(el.shadowRoot);
    }
  }

  const headingsBefore = (node) => {
    const found = [];
    const hs = [...node.getRootNode().querySelectorAll("h1, h2, h3, h4, h5, h6, legend, [role=heading]")];
    for (const h of hs) {
      if (!(h.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING)) break;
      if (!h.contains(node)) found.push(h);
    }
    return found.slice(-1).map((one) => text(one, 160)).join(" ");
  };

  /* what a form asks of those without scripts: words, names and addresses */
  const unscripted = (one) => {
    const inside = one.firstElementChild ? one : new DOMParser().parseFromString(one.textContent || "", "text/html").body;
    const named = [...inside.querySelectorAll("input, textarea, iframe, img")].slice(0, 20);
    return squeeze(inside.textContent, 600) + " " + named.map((el) => attr(el, "name", 60) + " " + attr(el, "src", 120)).join(" ");
  };

  const FAKE = "[role=button], a[onclick], a.btn, a.button, a[class*=submit i], div[onclick], span[onclick], input[type=image]";
  const oneForm = (form, controls, root, shadow) => {
    const scope = form || root.body || root;
    const fakes = controls.some((one) => /^(submit|image)$/.test(one.type)) || controls.some((one) => one.tagName === "BUTTON") ? [] :
      [...scope.querySelectorAll(FAKE)].filter((one) => !one.matches(CONTROL)).slice(0, 5);
    const editables = [...scope.querySelectorAll(EDITABLE)].filter((one) => !one.matches(CONTROL) && (form || !one.closest("form"))).slice(0, 10);
    const all = controls.concat(editables, form || controls.length ? fakes : []);
    if (all.length > MOST.controls) problems.push("a form has more controls than are read");
    const limit = form || root;
    const heads = [...scope.querySelectorAll("h1, h2, h3, h4, h5, h6, legend, [role=heading]")].slice(0, 12);
    const prior = form ? around(form, root.body || root, "previousSibling").text : "";
    const trail = [];
    for (let node = form ? up(form) : null, n = 0; node && n < 5 && !/^(BODY|HTML)$/.test(node.tagName); node = up(node), n++) {
      trail.push(node.localName + " " + attr(node, "id", 60) + " " + attr(node, "class", 120));
    }
    return {
      shadow, tagged: !!form,
      path: form ? path(form) : [], number: form ? elements.push(form) - 1 : null,
      id: form ? attr(form, "id") : "", name: form ? attr(form, "name") : "", classes: form ? attr(form, "class", 300) : "",
      action: form ? attr(form, "action", 400) : "", method: form ? attr(form, "method").toLowerCase() || "get" : "",
      label: form ? squeeze(attr(form, "aria-label") + " " + byIds(form, "aria-labelledby") + " " + attr(form, "title"), 200) : "", role: form ? attr(form, "role") : "",
      data: form ? squeeze([...form.attributes].filter((one) => one.name.startsWith("data-")).slice(0, 20).map((one) => one.name + "=" + one.value.slice(0, 60)).join(" "), 600) : "",
      heading: squeeze(heads.map((one) => text(one, 120)).join(" | "), 500), before: form ? headingsBefore(form) : "", prior, trail,
      text: form ? text(form, 6000) : "", visible: form ? hiddenBy(form) === "" : true,
      controls: all.slice(0, MOST.controls).map((one, order) => describe(one, limit, order)),
      marks: form ? marks(form) : [],
      noscript: form ? squeeze([...form.querySelectorAll("noscript")].slice(0, 5).map(unscripted).join(" "), 1500) : "",
    };
  };

  const forms = [];
  for (const root of roots) {
    const shadow = root !== document;
    const own = new Map([...root.querySelectorAll("form")].map((form) => [form, []]));
    const loose = [];
    for (const el of root.querySelectorAll(CONTROL)) {
      if (el.form && own.has(el.form)) own.get(el.form).push(el);
      else if (!el.form) loose.push(el);
    }
    for (const [form, controls] of own) {
      if (forms.length >= MOST.forms) { problems.push("the page has more forms than are read"); break; }
      forms.push(oneForm(form, controls, root, shadow));
    }
    const editable = [...root.querySelectorAll(EDITABLE)].some((one) => !one.closest("form"));
    if (loose.some((one) => one.type !== "hidden") || editable) forms.push(oneForm(null, loose, root, shadow));
  }

  const href = (one) => { try { return String(one.href || "").slice(0, 1000); } catch { return ""; } };
  const links = roots.flatMap((root) => [...root.querySelectorAll("a[href], area[href]")]).slice(0, MOST.links).map((one) => ({
    href: typeof one.href === "string" ? href(one) : "", raw: attr(one, "href", 1000), text: text(one, 160),
    label: squeeze(attr(one, "aria-label") + " " + attr(one, "title"), 160), rel: attr(one, "rel"), coded: attr(one, "data-cfemail", 400),
    part: one.closest("footer, [id*=footer i], [class*=footer i]") ? "footer" : one.closest("nav, header, [role=navigation]") ? "nav" : "",
    visible: hiddenBy(one) === "" }));
  const canonical = document.querySelector("link[rel=canonical][href], meta[property='og:url'][content]");
  return {
    elements,
    data: {
      url: String(location.href).slice(0, 2000), title: squeeze(document.title, 300), problems,
      language: squeeze((document.documentElement && document.documentElement.lang) || "", 20),
      canonical: canonical ? squeeze(canonical.getAttribute("href") || canonical.getAttribute("content"), 500) : "",
      headings: [...document.querySelectorAll("h1, h2, h3")].slice(0, 30).map((one) => text(one, 160)).filter(Boolean),
      text: document.body ? squeeze(document.body.innerText || words(document.body, MOST.text), MOST.text) : "",
      forms, links, marks: roots.flatMap((root) => marks(root)).slice(0, MOST.marks * 2),
      coded: [...document.querySelectorAll("[data-cfemail]")].slice(0, 20).map((one) => attr(one, "data-cfemail", 400)),
      linked_data: [...document.querySelectorAll("script[type='application/ld+json']")].slice(0, 20).map((one) => one.textContent.slice(0, 40000)),
    },
  };
}
