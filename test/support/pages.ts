/** Error pages of others than the store, as they are really sent: a status, headers and a body. */
export interface Page {
  readonly name: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const html = { 'content-type': 'text/html; charset=utf-8' };

export const pages: readonly Page[] = [
  {
    name: 'nginx 413',
    status: 413,
    headers: { 'content-type': 'text/html', server: 'nginx/1.22.1' },
    body:
      '<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n' +
      '<center><h1>413 Request Entity Too Large</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n',
  },
  {
    name: 'Cloudflare WAF 403',
    status: 403,
    headers: { ...html, server: 'cloudflare', 'cf-ray': '8a1b2c3d4e5f6789-FRA' },
    body:
      '<!DOCTYPE html>\n<html class="no-js" lang="en-US">\n<head>\n<title>Attention Required! | Cloudflare</title>\n' +
      '<meta charset="UTF-8" />\n<meta name="robots" content="noindex, nofollow" />\n</head>\n<body><h1>Sorry, you have been ' +
      'blocked</h1><br>Cloudflare Ray ID: <strong>8a1b2c3d4e5f6789</strong></body></html>\n',
  },
  {
    name: 'Cloudflare 520',
    status: 520,
    headers: { ...html, server: 'cloudflare' },
    body:
      '<!DOCTYPE html>\n<html lang="en-US"><head><title>live.example.org | 520: Web server is returning an unknown error</title>' +
      '</head><body><p>Error code 520</p><br></body></html>\n',
  },
  {
    name: 'Azure Front Door 400',
    status: 400,
    headers: { 'content-type': 'text/html', 'x-azure-ref': '20270115T080000Z-0abc' },
    body:
      "<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0 Transitional//EN' 'http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd'>" +
      "<html xmlns='http://www.w3.org/1999/xhtml'><head><meta content='text/html; charset=utf-8' http-equiv='content-type'/>" +
      '<title>Bad Request</title></head><body><h2>Our services are not available right now</h2></body></html>',
  },
  {
    name: 'captive portal 200',
    status: 200,
    headers: { ...html, 'cache-control': 'no-store' },
    body: '<!doctype html><html><head><title>Welcome to Hotel WiFi</title></head><body><form>Room number</form></body></html>',
  },
];
