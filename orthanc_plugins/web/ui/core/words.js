/**
 * The languages: each part of the dashboard brings its words in all of them (`words/`), under the same keys.
 *
 * A text may hold `{name}`, which a value replaces. A text that depends on a number is an object of the plural
 * forms of its language (`one`, `many`, `other`), chosen by the value `count`.
 */

export const LANGUAGES = { en: 'English', fr: 'Français' };

const KEPT_AS = 'pacs-suite-language';

/** Return the language: the one chosen here, else the browser's first that there is, else English. */
function preferred() {
  const wished = [stored(KEPT_AS), ...navigator.languages.map((tag) => tag.split('-')[0].toLowerCase())];
  return wished.find((tag) => tag in LANGUAGES) ?? 'en';
}

let chosen = preferred();

/** Return the language in use, as a tag. */
export const language = () => chosen;

/** Use a language from now on, here and at the next visit; the document is told, and listeners of `languagechosen`. */
export function chooseLanguage(tag) {
  chosen = tag;
  store(KEPT_AS, tag);
  document.documentElement.lang = tag;
  document.dispatchEvent(new Event('languagechosen'));
}

/**
 * Return the function that gives a text of a catalogue in the language in use.
 *
 * @param {{en: object, fr: object}} catalogue - texts by key
 * @returns {(key: string, values?: object) => string} its `has(key)` tells whether there is such a text, and its
 *   `rich(key, values)` takes templates as values and returns the parts to be put into a template
 */
export function words(catalogue) {
  const text = (key, values) => {
    const found = catalogue[chosen]?.[key] ?? catalogue.en[key];
    if (found === undefined) {
      throw new Error(`No text is called "${key}".`);
    }
    return typeof found === 'string' ? found : (found[plural(values?.count)] ?? found.other);
  };
  const say = (key, values = {}) => parts(text(key, values), values).join('');
  say.rich = (key, values = {}) => parts(text(key, values), values);
  say.has = (key) => key in catalogue.en;
  return say;
}

const plural = (count) => new Intl.PluralRules(chosen).select(count ?? 0);

const parts = (text, values) =>
  text.split(/\{(\w+)\}/).map((part, index) => (index % 2 === 0 ? part : shown(values[part], part)));

const shown = (value, name) => {
  if (value === undefined) {
    throw new Error(`The text has no value for "${name}".`);
  }
  return typeof value === 'number' ? value.toLocaleString(chosen) : value;
};

/** Return what is kept in this browser under a name; undefined where nothing is, or it keeps nothing. */
export function stored(name) {
  try {
    return localStorage.getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keep a text in this browser; one that keeps nothing starts anew each time. */
export function store(name, text) {
  try {
    localStorage.setItem(name, text);
  } catch {
    // A browser that was told to keep nothing: the choice holds until the page is left.
  }
}
