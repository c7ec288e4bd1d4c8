/** The templates: what stands in `${…}` becomes text or an attribute's value, never HTML. */
export { html, svg, nothing, render } from '../libraries/lit-html/lit-html.js';
export { repeat } from '../libraries/lit-html/directives/repeat.js';
export { live } from '../libraries/lit-html/directives/live.js';
export { ref } from '../libraries/lit-html/directives/ref.js';
