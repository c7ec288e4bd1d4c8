/** Questions before something is done. */

import { html, render } from '../core/html.js';
import { words } from '../core/words.js';
import * as catalogue from '../words/parts.js';

const t = words(catalogue);

/**
 * Ask whether to do something, and return whether it was agreed to.
 *
 * @param {object} options
 * @param {string} options.title - the question
 * @param {unknown} options.body - what will happen, in words
 * @param {string} options.action - the word on the button that agrees
 * @param {boolean} [options.dangerous] - whether it cannot be undone
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, body, action, dangerous = false }) {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-labelledby', 'dialog-title');
  render(
    html`<form method="dialog" class="dialog">
      <h2 id="dialog-title">${title}</h2>
      <div>${body}</div>
      <p class="buttons">
        <button class="button" value="no">${t('cancel')}</button>
        <button class="button ${dangerous ? 'danger' : 'primary'}" value="yes">${action}</button>
      </p>
    </form>`,
    dialog,
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}
