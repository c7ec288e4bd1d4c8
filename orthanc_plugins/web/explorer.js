"use strict";

// Adds the suite's actions to the pages of Orthanc Explorer (the one that Orthanc brings). Which there are, and
// what they are called, `api/actions.py` says: its list is put below when this is read.
//
// Beside them "De-identify, check and send" on the page of a study: it asks at once, and tells there how it goes.
(() => {
  const ACTIONS = "$actions";
  const OFFERS_RELEASE = ACTIONS.some((action) => action.id === "pacs-suite-study-deidentify");
  const LANGUAGE = (navigator.language || "en").toLowerCase().startsWith("fr") ? "fr" : "en";
  const WORDS = {
    en: { suite: "PACS suite", all: "Studies of both archives", jobs: "Jobs of the suite", release: "De-identify, check and send" },
    fr: {
      suite: "Suite PACS",
      all: "Examens des deux archives",
      jobs: "Tâches de la suite",
      release: "Désidentifier, contrôler et envoyer",
    },
  }[LANGUAGE];
  const UI = "../pacs/ui/";
  const SIGN = "pacs-suite";
  const ANSWER = "pacs-suite-anonymize-answer";
  const WORKING = new Set(["queued", "running", "working", "released", "delivered"]);

  // Links

  /** Return the item of a list that leads to a page; jQuery Mobile is kept from loading it into its own. */
  function item(id, text, href, elsewhere = false) {
    const link = $("<a>", { id, href, text, rel: "external noopener", "data-ajax": "false" });
    if (elsewhere) {
      link.attr("target", "_blank");
    }
    return $("<li>", { "data-icon": elsewhere ? "grid" : "forward" }).append(link);
  }

  function itemOf(action, resource) {
    const href = UI + action.path.replace("{resource}", encodeURIComponent(resource));
    return item(action.id, action.words[LANGUAGE], href, action.elsewhere);
  }

  /** Return a list to stand on a page, in the place of the one that stood there. */
  function listOf(page, items) {
    $(page).find(`ul.${SIGN}`).remove();
    const looks = { "data-role": "listview", "data-inset": "true", "data-theme": "d", "data-divider-theme": "c" };
    const title = $("<li>", { "data-role": "list-divider", text: WORDS.suite });
    return $("<ul>", { ...looks, class: SIGN }).append(title, ...items);
  }

  async function get(path) {
    const answer = await fetch(`../${path}`, { headers: { Accept: "application/json" } });
    return answer.ok ? answer.json() : null;
  }

  /** Return whether a resource is, or holds, an RT Structure Set; true where Orthanc does not tell. */
  async function holdsStructures(level, resource) {
    const paths = { study: `studies/${resource}/series`, series: `series/${resource}`, instance: `instances/${resource}/series` };
    const answer = await get(paths[level]);
    const series = answer === null ? [] : [answer].flat();
    return answer === null || series.some((one) => one.MainDicomTags.Modality === "RTSTRUCT");
  }

  async function showResource(level) {
    const page = `#${level}`;
    $(page).find(`ul.${SIGN}`).remove();
    const resource = $.mobile.pageData.uuid;
    const actions = ACTIONS.filter((action) => action.level === level);
    const structures = actions.some((action) => action.needs.includes("rt-structure-set"));
    const offered = !structures || (await holdsStructures(level, resource));
    if ($.mobile.pageData.uuid !== resource) {
      return; // another one was opened meanwhile
    }
    const fitting = actions.filter((action) => offered || !action.needs.includes("rt-structure-set"));
    const items = fitting.map((action) => itemOf(action, resource));
    const list = listOf(page, level === "study" && OFFERS_RELEASE ? [...items, ...release(resource)] : items);
    $(`#${level}-access`).before(list);
    list.listview();
  }

  /** The studies of a patient together, as Orthanc Explorer has no choice of several. */
  async function showPatient() {
    $("#patient").find(`ul.${SIGN}`).remove();
    const patient = $.mobile.pageData.uuid;
    const studies = await get(`patients/${patient}/studies`);
    if (studies === null || $.mobile.pageData.uuid !== patient) {
      return;
    }
    const resource = studies.map((study) => study.ID);
    const actions = ACTIONS.filter((action) => action.level === "bulk-studies");
    const list = listOf("#patient", actions.map((action) => itemOf(action, resource.join(","))));
    $("#patient-access").before(list);
    list.listview();
  }

  function showList(page, results) {
    const list = listOf(page, [
      item(`${SIGN}-all-${page.slice(1)}`, WORDS.all, `${UI}studies`),
      item(`${SIGN}-jobs-${page.slice(1)}`, WORDS.jobs, `${UI}jobs`),
    ]);
    $(results).after(list);
    list.listview();
  }

  // De-identifying at once

  async function ask(study, wishes) {
    const answer = await fetch(`../pacs/api/anonymize/study/${encodeURIComponent(study)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(wishes),
    });
    return answer.json();
  }

  // A problem (RFC 9457) has a detail; what became of the study is its outcome.
  function told(answer) {
    if (answer.detail) {
      const reason = typeof answer.detail === "string" ? answer.detail : answer.title;
      return `${answer.outcome || "not done"}: ${reason}`;
    }
    const dates = answer.dates && `dates ${answer.dates}`;
    const parts = [answer.status, `project ${answer.project}`, `profile ${answer.profile}`, dates];
    return [...parts, answer.anonymized_patient_id, answer.destination, answer.address].filter(Boolean).join(", ");
  }

  // Ends when the study has come to its end, or its page was left: the work itself goes on.
  async function run(study, place) {
    place.textContent = "asked for";
    try {
      let answer = await ask(study, { wait_s: 0, again: true });
      place.textContent = told(answer);
      while (WORKING.has(answer.status) && place.isConnected) {
        answer = await ask(study, { wait_s: 20 });
        place.textContent = told(answer);
      }
    } catch (error) {
      place.textContent = `The suite does not answer (${error.name}).`;
    }
  }

  function release(study) {
    const link = $("<a>", { href: "#", id: "pacs-suite-anonymize", text: WORDS.release });
    const place = $("<span>", { id: ANSWER, role: "status", css: { "white-space": "normal", "overflow-wrap": "anywhere" } });
    link.on("click", (event) => {
      event.preventDefault();
      place.closest("li").show();
      run(study, place[0]);
    });
    return [$("<li>", { "data-icon": "forward" }).append(link), $("<li>").append(place).hide()];
  }

  const SHOWN = { patient: showPatient };
  for (const level of ["study", "series", "instance"]) {
    SHOWN[level] = () => showResource(level);
  }
  for (const [page, show] of Object.entries(SHOWN)) {
    $(document).on("pagebeforeshow", `#${page}`, show);
  }
  // From one study to another Orthanc Explorer stays on its page: links of the former must not stay with it.
  window.addEventListener("hashchange", () => setTimeout(() => SHOWN[$.mobile.activePage.attr("id")]?.()));
  $(document).on("pagebeforeshow", "#find-studies", () => showList("#find-studies", "#all-studies"));
  $(document).on("pagebeforeshow", "#find-patients", () => showList("#find-patients", "#all-patients"));
  $(document).on("pagebeforeshow", "#lookup", () => showList("#lookup", "#lookup-form"));
})();
