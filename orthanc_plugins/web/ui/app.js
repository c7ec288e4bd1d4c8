/** The shell around every view: menu, language, appearance, and which view an address shows. */

import { get } from './core/api.js';
import { watchHealth } from './core/health.js';
import { html, nothing, render } from './core/html.js';
import { Page } from './core/page.js';
import * as pulse from './core/pulse.js';
import { listen, match, parameters, path } from './core/router.js';
import { LANGUAGES, chooseLanguage, language, store, stored, words } from './core/words.js';
import { badge } from './parts/badge.js';
import { tell } from './parts/messages.js';
import { loading } from './parts/states.js';
import { MENU, ROUTES } from './routes.js';
import * as catalogue from './words/shell.js';
import * as partsCatalogue from './words/parts.js';

const t = words(catalogue);
const say = words(partsCatalogue);
const THEMES = ['auto', 'light', 'dark'];
const HEALTH = { healthy: 'good', degraded: 'warn', unhealthy: 'bad', silent: 'bad' };
const THEME_KEPT_AS = 'pacs-suite-theme';

/** What is shown now: its page, address and title, and how it is drawn. */
let visit = { view: loading };
let session;
let health;
let arrived = false;

function chooseTheme(theme) {
  store(THEME_KEPT_AS, theme);
  document.documentElement.dataset.theme = theme;
  draw();
}

const wide = matchMedia('(min-width: 60rem)');
const theme = () => document.documentElement.dataset.theme;

function failed(error) {
  console.error(error);
  tell(say('page_fault', { what: error.message }), 'bad');
}

/** Show the view of the address in the browser's bar; another question to the same view leaves the old one in sight. */
async function show() {
  visit.page?.close();
  const found = match(ROUTES, location.pathname);
  const page = new Page({
    params: found?.params ?? {},
    query: parameters(location),
    session,
    render: draw,
    failed,
  });
  const moved = visit.pathname !== location.pathname;
  visit = { ...(moved ? { view: loading } : visit), page, pathname: location.pathname };
  draw();
  try {
    const module = found ? await found.route.load() : noPage;
    if (page.signal.aborted) {
      return;
    }
    visit.title = () => module.title(page);
    visit.view = module.open(page);
  } catch (error) {
    failed(error);
    return;
  }
  draw();
  if (moved && arrived) {
    document.querySelector('main h1').focus(); // a screen reader begins there, as after any other link
    scrollTo(0, 0);
  }
  arrived = true;
}

function draw() {
  const title = visit.title?.();
  document.title = title ? `${title} – ${t('name')}` : t('name');
  render(frame(title), document.getElementById('frame'));
}

function frame(title) {
  return html`<a class="skip" href="#content" @click=${skip}>${t('skip')}</a>
    <header class="top">
      <a class="brand" href=${path('')}><span class="logo" aria-hidden="true"></span>${t('name')}</a>
      ${health ? html`<a class="health" href=${path('')}>${badge(HEALTH[health], t(`health_${health}`))}</a>` : nothing}
      <div class="choices">
        ${choice(t('language'), Object.keys(LANGUAGES), (tag) => LANGUAGES[tag], language(), chooseLanguage)}
        ${choice(t('theme'), THEMES, t, theme(), chooseTheme)}
      </div>
    </header>
    <div class="sides">
      ${menu()}
      <main id="content" tabindex="-1">
        ${title ? html`<h1 tabindex="-1"><bdi>${title}</bdi></h1>` : nothing} ${visit.view()}
      </main>
    </div>`;
}

const choice = (label, values, text, chosen, choose) =>
  html`<label class="choice">
    <span class="unseen">${label}</span>
    <select @change=${(event) => choose(event.target.value)}>
      ${values.map((value) => html`<option value=${value} ?selected=${value === chosen}>${text(value)}</option>`)}
    </select>
  </label>`;

function skip(event) {
  event.preventDefault();
  document.getElementById('content').focus();
}

function menu() {
  const current = location.pathname;
  const entry = ({ name, to }) => {
    const target = path(to);
    const inside = to === '' ? current === target : `${current}/`.startsWith(`${target}/`);
    return html`<li><a href=${target} aria-current=${inside ? 'page' : 'false'}>${t(name)}</a></li>`;
  };
  return html`<details class="menu" ?open=${wide.matches}>
    <summary>${t('menu')}</summary>
    <nav aria-label=${t('main')}>
      <ul>
        ${MENU.map(entry)}
      </ul>
    </nav>
  </details>`;
}

const noPage = {
  title: () => t('no_page'),
  open: () => () =>
    html`<div class="state">
      <p>${t('no_page_detail')}</p>
      <p><a class="button" href=${path('')}>${t('home')}</a></p>
    </div>`,
};

async function begin() {
  window.name = ''; // Orthanc Explorer 2 opens all pages in one tab of a name: what is under way here is not put away
  document.documentElement.lang = language();
  document.documentElement.dataset.theme = stored(THEME_KEPT_AS) ?? 'auto';
  for (const name of ['frame', 'messages']) {
    const place = document.createElement('div');
    place.id = name;
    document.body.append(place);
  }
  document.getElementById('messages').setAttribute('role', 'status');
  draw();
  session = await get('api/session').catch(() => undefined);
  document.addEventListener('languagechosen', show);
  wide.addEventListener('change', draw);
  listen(show);
  addEventListener('unhandledrejection', (event) => failed(event.reason));
  await show();
  pulse.start();
  watchHealth((state) => {
    health = state;
    draw();
  });
}

begin();
