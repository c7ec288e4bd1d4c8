/**
 * Files on their way to Orthanc. They go on while other views are shown, and end with the page.
 *
 * Each goes by itself with `PUT api/upload`, two at a time: a zip is unpacked by the server, which tells what
 * became of each file in it.
 */

import { address } from './api.js';

const AT_ONCE = 2;

/**
 * One file.
 *
 * `state` is `waiting`, `sending`, `working` (all is sent, the answer is awaited), `done`, `failed` (it was not
 * stored; `reason` is a problem's text, or `no_answer`) or `cancelled`. `outcomes` are those of `api/upload`.
 */
class Upload {
  constructor(file, name) {
    this.file = file;
    this.name = name;
    this.state = 'waiting';
    this.sent = 0;
    this.outcomes = [];
    this.reason = undefined;
  }
}

class Uploads extends EventTarget {
  #requests = new Map();
  #announced = false;

  constructor() {
    super();
    this.all = [];
  }

  /** Whether anything is on its way. */
  get busy() {
    return this.all.some(({ state }) => ['waiting', 'sending', 'working'].includes(state));
  }

  /** Return how much of all is sent, in bytes. */
  get progress() {
    const counted = this.all.filter(({ state }) => state !== 'cancelled');
    const sum = (value) => counted.reduce((total, upload) => total + value(upload), 0);
    return { sent: sum(({ sent }) => sent), size: sum(({ file }) => file.size) };
  }

  /**
   * Send files.
   *
   * @param {Array<{file: File, name: string}>} files - `name` is the path a person knows the file by
   */
  add(files) {
    for (const { file, name } of files) {
      this.all.push(new Upload(file, name));
    }
    this.#go();
  }

  /** Send once more what was not stored for want of an answer, or was cancelled. */
  again() {
    for (const upload of this.all.filter((one) => ['failed', 'cancelled'].includes(one.state))) {
      Object.assign(upload, { state: 'waiting', sent: 0, outcomes: [], reason: undefined });
    }
    this.#go();
  }

  /** Send nothing more; what is stored already stays. */
  cancel() {
    for (const upload of this.all.filter(({ state }) => state === 'waiting')) {
      upload.state = 'cancelled';
    }
    for (const request of this.#requests.values()) {
      request.abort();
    }
    this.#changed();
  }

  /** Forget what has ended. */
  clear() {
    this.all = this.all.filter(({ state }) => ['waiting', 'sending', 'working'].includes(state));
    this.#changed();
  }

  #go() {
    for (const upload of this.all) {
      if (this.#requests.size >= AT_ONCE) {
        break;
      }
      if (upload.state === 'waiting') {
        this.#send(upload);
      }
    }
    this.#changed();
  }

  #send(upload) {
    const request = new XMLHttpRequest();
    this.#requests.set(upload, request);
    upload.state = 'sending';
    request.open('PUT', address('api/upload'));
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.onprogress = ({ loaded }) => {
      upload.sent = loaded;
      this.#changed();
    };
    request.upload.onload = () => {
      upload.sent = upload.file.size;
      upload.state = 'working';
      this.#changed();
    };
    request.onload = () => this.#end(upload, ...judged(request));
    request.onerror = () => this.#end(upload, 'failed', [], 'no_answer');
    request.onabort = () => this.#end(upload, 'cancelled', []);
    request.send(upload.file);
  }

  #end(upload, state, outcomes, reason) {
    Object.assign(upload, { state, outcomes, reason });
    this.#requests.delete(upload);
    this.#go();
  }

  /** Tell listeners of `changed`, once for all that changes at a time. */
  #changed() {
    if (!this.#announced) {
      this.#announced = true;
      requestAnimationFrame(() => {
        this.#announced = false;
        this.dispatchEvent(new Event('changed'));
      });
    }
  }
}

/** Return the state, outcomes and reason that an answer means. */
function judged(request) {
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    return ['failed', [], 'no_answer']; // what stands in front of Orthanc answered, not the suite
  }
  if (request.status === 200 || answer.files) {
    return ['done', answer.files];
  }
  return ['failed', [], typeof answer.detail === 'string' ? answer.detail : answer.title];
}

/** All files of this page. */
export const uploads = new Uploads();

addEventListener('beforeunload', (event) => {
  if (uploads.busy) {
    event.preventDefault(); // the browser asks whether to leave
  }
});

/**
 * Return the files of a drop, those in folders too.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<Array<{file: File, name: string}>>}
 */
export async function droppedFiles(transfer) {
  // Both are there only until the event ends.
  const items = [...transfer.items].filter(({ kind }) => kind === 'file');
  const dropped = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const found = [];
  for (const { entry, file } of dropped) {
    if (entry) {
      await collect(entry, found);
    } else if (file) {
      found.push({ file, name: file.name });
    }
  }
  return found;
}

async function collect(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, name: entry.fullPath.replace(/^\//, '') });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const children = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (children.length === 0) {
      return;
    }
    for (const child of children) {
      await collect(child, found);
    }
  }
}
