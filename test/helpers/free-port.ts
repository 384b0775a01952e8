// The programs listen on 8080, as their readers should see it; in tests every port is a free one, and is told.
const program = `
  import { Server } from 'node:net'
  const { listen } = Server.prototype
  Server.prototype.listen = function (where, ...rest) {
    this.once('listening', () => console.log('port ' + this.address().port))
    return listen.call(this, typeof where === 'object' ? { ...where, port: 0 } : 0, ...rest)
  }`

/** For `node --import`: makes a program listen on a free port in place of its own, and print `port 12345`. */
export const freePort = `data:text/javascript,${encodeURIComponent(program)}`
