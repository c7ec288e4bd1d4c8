/** A transfer in words: its state, what it waits for, why it was made. */

import { html, nothing } from '../core/html.js';
import { moment } from '../core/format.js';
import { words } from '../core/words.js';
import { badge } from './badge.js';
import * as catalogue from '../words/transfers.js';

const t = words(catalogue);

const KINDS = {
  queued: 'idle',
  sending: 'busy',
  sent: 'busy',
  accepted: 'busy',
  verified: 'good',
  partly: 'warn',
  failed: 'bad',
  cancelled: 'warn',
};

/** Return the state of a transfer or of one of its instances. */
export const transferState = (state) => badge(KINDS[state] ?? 'idle', t.has(state) ? t(state) : state);

/** Return the state of a transfer, with what it waits for or what went wrong. */
export function transferStanding(transfer) {
  const why = transfer.waits_for && t('waits', { why: t(transfer.waits_for) });
  return html`${transferState(transfer.state)} ${transfer.settled ? badge('good', t('settled')) : nothing}
  ${why
    ? html`<p class="hint">
        ${why}${transfer.waits_until ? html`, ${t('until', { when: moment(transfer.waits_until) })}` : nothing}
      </p>`
    : nothing}
  ${transfer.error ? html`<p class="hint">${transfer.error.message}</p>` : nothing}`;
}

/** Return why a transfer was made. */
export function transferCause(cause) {
  const [kind, ...rest] = cause.split(':');
  return kind === 'rule' ? t('cause_rule', { name: rest.join(':') }) : t(`cause_${kind}`);
}
