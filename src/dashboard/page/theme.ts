/** Dark, light, or as the system: kept in the browser. */
const KEY = 'holdfast-theme';

export function followTheme(select: HTMLSelectElement): void {
  const set = (theme: string): void => {
    document.documentElement.dataset['theme'] = theme;
  };
  select.value = localStorage.getItem(KEY) ?? 'auto';
  set(select.value);
  select.addEventListener('change', () => {
    localStorage.setItem(KEY, select.value);
    set(select.value);
  });
}
