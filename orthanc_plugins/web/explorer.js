"use strict";

// Adds "De-identify, check and send" to the page of a study in Orthanc Explorer (the one that Orthanc brings),
// beside Orthanc's own "Anonymize", which neither checks nor sends. It asks POST api/anonymize/study/{id}.
(() => {
  const LINK = "pacs-suite-anonymize";
  const ANSWER = "pacs-suite-anonymize-answer";
  const WORKING = new Set(["queued", "running", "working", "released", "delivered"]);

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

  function show() {
    const study = $.mobile.pageData.uuid;
    $(`#${LINK}, #${ANSWER}`).closest("li").remove();
    const link = $("<a>", { href: "#", id: LINK, text: "De-identify, check and send" });
    const place = $("<span>", { id: ANSWER, role: "status", css: { "white-space": "normal", "overflow-wrap": "anywhere" } });
    link.on("click", (event) => {
      event.preventDefault();
      place.closest("li").show();
      run(study, place[0]);
    });
    const own = $("#study-anonymize").closest("li");
    own.before($("<li>", { "data-icon": "forward" }).append(link), $("<li>").append(place).hide());
    own.parent().listview("refresh");
  }

  $(document).on("pagebeforeshow", "#study", show);
})();
