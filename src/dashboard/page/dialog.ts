/**
 * The one dialog of the page. An order is said in words before it is given, with a field for the
 * reason, and cancelling is what has the focus; Escape and the browser's own focus trap come with the
 * element `dialog`.
 */
import type { Explanation } from '../../operator/api.ts';
import { Refusal } from './daemon.ts';
import { byId, type Child, h, show } from './dom.ts';

const dialog = (): HTMLDialogElement => byId('dialog') as HTMLDialogElement;

function open(title: string, body: readonly Child[], buttons: readonly Child[]): void {
  show(byId('dialog-title'), title);
  byId('dialog-body').replaceChildren(...body);
  byId('dialog-buttons').replaceChildren(...buttons);
  show(byId('dialog-error'));
  dialog().showModal();
}

const closing = (words: string): HTMLElement =>
  h('button', { type: 'submit', value: 'cancel', autofocus: true }, words);

export function explain({ name, sentences, remedies }: Explanation): void {
  const told = sentences.map(({ text, index }) =>
    h(
      'li',
      {},
      text,
      ' ',
      h('span', { class: 'quiet' }, index === null ? 'seen now' : `#${index}`),
    ),
  );
  const advice = remedies.map((text) => h('li', {}, text));
  open(
    `Why ${name}`,
    [
      h('ul', {}, ...told),
      ...(advice.length === 0 ? [] : [h('h3', {}, 'What to do'), h('ul', {}, ...advice)]),
    ],
    [closing('Close')],
  );
}

export type Question = {
  readonly title: string;
  /** What will happen. */
  readonly consequence: string;
  /** The word on the button that does it. */
  readonly verb: string;
  /** Another thing to choose, such as where to. */
  readonly choice?: HTMLElement;
  readonly run: (reason: string) => Promise<void>;
};

export function confirmOrder({ title, consequence, verb, choice, run }: Question): void {
  const reason = h('input', { id: 'reason', maxlength: '200', autocomplete: 'off' });
  const doIt = h('button', { type: 'button', class: 'order', id: 'confirm' }, verb);
  doIt.addEventListener('click', () => {
    doIt.toggleAttribute('disabled', true);
    run((reason as HTMLInputElement).value).then(
      () => dialog().close(),
      (error: unknown) => {
        doIt.toggleAttribute('disabled', false);
        show(byId('dialog-error'), wordsOf(error));
      },
    );
  });
  open(
    title,
    [
      h('p', {}, consequence),
      ...(choice === undefined ? [] : [choice]),
      h('label', { for: 'reason' }, 'Reason, for the history (may be empty)'),
      reason,
    ],
    [closing('Cancel'), doIt],
  );
}

export function wordsOf(error: unknown): string {
  if (error instanceof Refusal) return `${error.code}: ${error.message}. ${error.remedy}`;
  return error instanceof Error ? error.message : String(error);
}
