/** What is on its way between the archives, and what has arrived. */

import { get } from '../core/api.js';
import { bytes, moment } from '../core/format.js';
import { html, nothing } from '../core/html.js';
import { path } from '../core/router.js';
import { words } from '../core/words.js';
import { choice } from '../parts/fields.js';
import { LIMIT, offsetOf, paging } from '../parts/paging.js';
import { empty, shown } from '../parts/states.js';
import { table } from '../parts/table.js';
import { transferCause, transferStanding } from '../parts/transfer.js';
import { identifier } from '../parts/value.js';
import * as catalogue from '../words/transfers.js';

const t = words(catalogue);
const STATES = ['queued', 'sending', 'sent', 'accepted', 'verified', 'partly', 'failed', 'cancelled'];

export const title = () => t('title');

/** Return how the page is drawn; the query says which transfers: `state`, `study`, `cause`. */
export function open(page) {
  const offset = offsetOf(page.query);
  const wanted = Object.fromEntries(['state', 'study', 'cause'].map((name) => [name, page.query.get(name)]));
  const transfers = page.resource(
    (options) => get('api/transfers', { ...wanted, limit: LIMIT, offset }, options),
    ['transfers'],
  );
  return () =>
    html`<div class="filters">
        ${choice({
          label: t('state'),
          value: wanted.state ?? '',
          options: [['', t('any')], ...STATES.map((state) => [state, t(state)])],
          chosen: (state) => page.ask({ state }),
        })}
      </div>
      ${shown(transfers, (found) => html`${list(found.transfers, wanted)} ${paging({ total: found.total, offset })}`)}`;
}

function list(transfers, wanted) {
  return table({
    caption: t('title'),
    rows: transfers,
    key: (one) => one.transfer_id,
    none: empty(wanted.state ? t('none_such') : t('none')),
    columns: [
      {
        title: t('study_title'),
        cell: (one) => html`<a href=${path('transfers', one.transfer_id)}>${identifier(one.study_uid)}</a>`,
      },
      { title: t('way'), cell: (one) => `${t(one.source)} → ${t(one.destination)}` },
      { title: t('state'), cell: transferStanding },
      {
        title: t('progress'),
        cell: (one) =>
          one.wanted > 0
            ? html`${t('of_wanted', one)}
                <progress
                  max=${one.wanted}
                  value=${one.verified}
                  aria-label=${t('of_wanted', one)}
                ></progress>`
            : nothing,
      },
      { title: t('bytes'), number: true, cell: (one) => bytes(one.bytes_sent) },
      { title: t('cause'), cell: (one) => transferCause(one.cause) },
      { title: t('requested_at'), cell: (one) => moment(one.requested_at) },
    ],
  });
}
