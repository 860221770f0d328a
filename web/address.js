// Some programs pass a link on with its `#` percent-encoded: in the query of an address it is put back in its place.
if (!location.hash) {
  const [before, query] = location.href.split('?');
  const mended = query?.replace(/%(?:25)*23(?=v\d+(?:\.|%)|tour)/i, '#');
  if (mended?.includes('#')) ifAllowed(() => history.replaceState(null, '', `${before}?${mended}`));
}
