/** Breaks text at blanks so that no line is wider than wanted; a word that is too wide is cut. */

export function wrapped(text: string, width: number): readonly string[] {
  const most = Math.max(1, width);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((each) => pieces(each, most))) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (joined.length <= most) {
      line = joined;
    } else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

function pieces(word: string, most: number): readonly string[] {
  if (word.length <= most) return [word];
  return word.match(new RegExp(`.{1,${most}}`, 'gs')) ?? [word];
}
