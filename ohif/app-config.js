/**
 * OHIF's settings. Every address is relative to the origin that serves OHIF, so this file fits any machine.
 * What each setting is for: README.md.
 */

/**
 * Return an archive that OHIF reads over DICOMweb.
 *
 * @param {string} name - what the archive is called in OHIF's addresses, as in `/viewer/DCM4CHEE?…`
 * @param {string} root - the DICOMweb root on this origin; nginx passes it on to the archive
 * @param {string} title - what the archive is called in the list of studies
 */
function archive(name, root, title) {
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
    },
  };
}

window.config = {
  routerBasename: null,
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
  defaultDataSourceName: 'Orthanc',
  // Where the deployment has a DCM4CHEE, `scripts/lib/ohif.py` adds it.
  dataSources: [archive('Orthanc', '/dicom-web', 'Orthanc')],
};
