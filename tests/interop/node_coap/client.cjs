// One request a line of JSON on standard input, one answer a line on standard output; observations until closed.
const path = require('path')
const readline = require('readline')
const coap = require(path.join(process.argv[2], 'coap'))

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n')

function told(id, response) {
  const options = {}
  for (const { name, value } of response.options) options[name] = Buffer.isBuffer(value) ? value.toString('hex') : value
  return { id, code: response.code, payload: response.payload.toString('hex'), options }
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const asked = JSON.parse(line)
  const request = coap.request({
    hostname: '127.0.0.1',
    port: asked.port,
    pathname: asked.path,
    query: asked.query,
    method: asked.method,
    observe: asked.observe,
    confirmable: asked.confirmable !== false
  })
  for (const [name, value] of asked.options || []) request.setOption(name, Buffer.from(value, 'hex'))
  request.on('error', (error) => say({ id: asked.id, error: error.message }))
  request.on('response', (response) => {
    say(told(asked.id, response))
    if (asked.observe) {
      response.on('data', (chunk) => say({ id: asked.id, notified: chunk.toString('hex') }))
      if (asked.close) setTimeout(() => response.close(true), asked.close)
    }
  })
  request.end(Buffer.from(asked.payload || '', 'hex'))
})
