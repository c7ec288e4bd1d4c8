/** The regions of a structure set: their measures, pictures, files, doses, and what is wrong with them. */

import { fixed, number } from '../core/format.js';
import { html, nothing } from '../core/html.js';
import { words } from '../core/words.js';
import { badge } from './badge.js';
import { swatch } from './chart.js';
import { table } from './table.js';
import { value } from './value.js';
import * as catalogue from '../words/structures.js';

const t = words(catalogue);
const STATES = { done: 'good', empty: 'warn', failed: 'bad', points: 'idle', lines: 'idle' };
const FILES = ['mask.nii.gz', 'partial.nii.gz', 'mesh.stl', 'mesh.obj', 'mesh.ply', 'mesh.glb', 'preview.png', 'dvh.json'];
const HEX = 16;

const named = (key) => (t.has(key) ? t(key) : undefined);

/** Return a region's name with its colour and number. */
export const regionName = (region) =>
  html`${swatch(region.colour ? colourOf(region.colour) : undefined)} ${value(region.name)}
    <span class="hint">${t('number', { number: String(region.number) })}</span>`;

/** Return the measures of the regions, with where their files are. */
export const regions = (rows, files) =>
  table({
    caption: t('regions'),
    rows,
    key: (region) => region.number,
    none: html`<p class="notice warn">${t('no_region')}</p>`,
    columns: [
      { title: t('region'), cell: regionName },
      { title: t('type'), kind: 'type', cell: (region) => (region.interpreted_type ? value(region.interpreted_type) : '–') },
      { title: t('volume'), number: true, cell: (region) => fixed(region.volume_cc, 2) },
      { title: t('surface'), number: true, cell: (region) => fixed(region.surface_cm2, 2) },
      { title: t('slices'), number: true, cell: (region) => number(region.slices) },
      { title: t('intensity'), cell: (region) => intensity(region.statistics) },
      { title: t('state'), cell: standing },
      { title: t('files'), cell: (region) => links(region, files) },
    ],
  });

/** Return the pictures of the regions. */
export function pictures(rows, files) {
  const shown = rows.filter((region) => files[`${region.number}/preview.png`]);
  return html`<div class="pictures">
    ${shown.map(
      (region) => html`<figure>
        <a href=${files[`${region.number}/preview.png`]} target="_blank" rel="noopener">
          <img
            class="picture"
            loading="lazy"
            src=${files[`${region.number}/preview.png`]}
            alt=${t('picture_of', { name: region.name.slice(0, 100) })}
          />
        </a>
        <figcaption>${regionName(region)}</figcaption>
      </figure>`,
    )}
  </div>`;
}

/** Return what the regions receive of each dose. */
export const doses = (content) =>
  content.doses.map((dose) => {
    const caption = t('dose', { kind: dose.summation_type, unit: dose.unit });
    const rows = content.regions.flatMap((region) =>
      region.dose.filter((one) => one.dose_uid === dose.sop_instance_uid).map((received) => ({ region, received })),
    );
    const metrics = [...new Map(rows.flatMap(({ received }) => received.metrics.map((one) => [one.name, one.unit])))];
    return html`<h3>${caption}</h3>
      ${table({
        caption,
        rows,
        key: ({ region }) => region.number,
        columns: [
          { title: t('region'), cell: ({ region }) => regionName(region) },
          ...['min', 'mean', 'median', 'max'].map((name) => ({
            title: t(name),
            number: true,
            cell: ({ received }) => fixed(received[name], 2),
          })),
          ...metrics.map(([name, unit]) => ({
            title: `${name} (${unit})`,
            number: true,
            cell: ({ received }) => fixed(received.metrics.find((one) => one.name === name)?.value, 2),
          })),
        ],
      })}`;
  });

/** Return what is wrong with a structure set or a region, and what was done about it. */
export const problems = (found) =>
  found.length === 0
    ? nothing
    : html`<ul class="plain">
        ${found.map(
          (one) => html`<li>
            ${badge(one.severity === 'error' ? 'bad' : 'warn', named(`severity_${one.severity}`) ?? one.severity)}
            ${value(one.message)}
          </li>`,
        )}
      </ul>`;

const standing = (region) =>
  html`${badge(STATES[region.state] ?? 'idle', named(`state_${region.state}`) ?? region.state)} ${problems(region.problems)}`;

const intensity = (statistics) =>
  statistics
    ? html`${t('mean_sd', { mean: fixed(statistics.mean, 1), sd: fixed(statistics.sd, 1), unit: statistics.unit ?? '' })}
        <span class="hint">${t('from_to', { min: fixed(statistics.min, 1), max: fixed(statistics.max, 1) })}</span>`
    : '–';

const links = (region, files) =>
  html`<ul class="files">
    ${FILES.filter((name) => files[`${region.number}/${name}`]).map(
      (name) => html`<li>
        <a
          href=${files[`${region.number}/${name}`]}
          download
          aria-label=${t('file_of', { file: t(`file_${name.replaceAll('.', '_')}`), name: region.name.slice(0, 100) })}
          >${t(`file_${name.replaceAll('.', '_')}`)}</a
        >
      </li>`,
    )}
  </ul>`;

const colourOf = (parts) => `#${parts.map((part) => part.toString(HEX).padStart(2, '0')).join('')}`;
