/**
 * OHIF's settings. Every address is relative to the origin that serves OHIF, so this file fits any machine.
 * What each setting is for: README.md.
 */

/**
 * Return an archive that OHIF reads over DICOMweb.
 *
 * @param {string} name - what the archive is called in OHIF's addresses, as in `/viewer/DCM4CHEE?…`
 * @param {string} root - the DICOMweb root on this origin; nginx passes it on to the archive
 * @param {string} title - what a reader sees it called
 * @param {boolean} contoursInMetadata - whether its metadata hold the contours of a structure set themselves
 */
function archive(name, root, title, contoursInMetadata = false) {
  return {
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
    sourceName: name,
    configuration: {
      friendlyName: title,
      name,
      qidoRoot: root,
      wadoRoot: root,
      wadoUriRoot: root,
      qidoSupportsIncludeField: true,
      supportsFuzzyMatching: false,
      supportsWildcard: true,
      imageRendering: 'wadors',
      thumbnailRendering: 'wadors',
      enableStudyLazyLoad: true,
      singlepart: 'bulkdata,video',
      bulkDataURI: { enabled: true },
      omitQuotationForMultipartRequest: true,
      contoursInMetadata,
    },
  };
}

/** Where OHIF's pages are: at the root of an origin of its own, or below this path of the suite's. */
const BESIDE_THE_SUITE = '/ohif';
const beside = new RegExp(`^${BESIDE_THE_SUITE}(/|$)`).test(window.location.pathname);

/** Return the name of the archive that the page's address says is read. */
function archiveOnShow() {
  const { pathname, search } = window.location;
  const asked = [...new URLSearchParams(search)].find(([name]) => name.toLowerCase() === 'datasources')?.[1];
  const names = window.config.dataSources.map(({ sourceName }) => sourceName);
  return names.find(name => name === asked || pathname.endsWith(`/${name}`)) ?? window.config.defaultDataSourceName;
}

/** Return OHIF's mark, and beside it which archive is read: in the list of studies to be chosen. */
function markAndArchive(React, inViewer) {
  const { dataSources } = window.config;
  const base = beside ? `${BESIDE_THE_SUITE}/` : '/';
  const on = archiveOnShow();
  const options = dataSources.map(({ sourceName, configuration }) =>
    React.createElement('option', { key: sourceName, value: sourceName }, configuration.friendlyName)
  );
  const choice = React.createElement(
    'select',
    {
      'aria-label': 'Archive',
      value: on,
      onChange: event => window.location.assign(`${base}?datasources=${event.target.value}`),
      className: 'bg-background text-primary border-input h-7 rounded border px-2 text-base',
    },
    options
  );
  const title = dataSources.find(({ sourceName }) => sourceName === on).configuration.friendlyName;
  return React.createElement(
    'div',
    { className: 'flex items-center gap-3' },
    React.createElement('img', { src: '/ohif-logo.svg', alt: 'OHIF', className: 'h-7' }),
    inViewer || options.length === 1
      ? React.createElement('span', { className: 'text-primary text-base' }, title)
      : choice
  );
}

window.config = {
  routerBasename: beside ? BESIDE_THE_SUITE : null,
  whiteLabeling: { createLogoComponentFn: (React, props) => markAndArchive(React, props !== undefined) },
  extensions: ['/show-structures.js'],
  modes: [],
  modesConfiguration: {
    '@ohif/mode-longitudinal': {
      activatePanelTriggers: {
        $set: [
          {
            panelId: '@ohif/extension-cornerstone.panelModule.panelSegmentation',
            sourceServiceName: 'segmentationService',
            sourceEvents: ['SEGMENTATION_ADDED'],
          },
        ],
      },
    },
  },
  customizationService: { global: { 'ohif.tours': { $set: [] } } },
  disableConfirmationPrompts: true,
  investigationalUseDialog: { option: 'never' },
  showStudyList: true,
  strictZSpacingForVolumeViewport: true,
  maxNumberOfWebWorkers: 3,
  httpErrorHandler: error => console.warn('The archive refused a request:', error.status ?? error.message),
  allowMultiSelectExport: true,
  defaultDataSourceName: 'Orthanc',
  // Where the deployment has a DCM4CHEE, `scripts/lib/ohif.py` adds it.
  dataSources: [archive('Orthanc', '/dicom-web', 'Orthanc', true)],
};
