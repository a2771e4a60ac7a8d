/** How a checker says what was broken: the rule, where, and the words of this case. */
export type Report = (rule: string, node: string, words: string) => void;
