/** An option of a call that cannot be sent. Thrown where it is read; `finverseErrors` says it in the client's own terms. */
export class InvalidOption extends TypeError {}
