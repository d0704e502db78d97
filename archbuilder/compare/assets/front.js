// What is worth its cost, and what cannot be told apart.

// The rule of archbuilder.compare.statistics.pareto_front: a point is dominated by one that is no worse in both
// measures and better in one; equal points stay or go together. One alone is better than nothing, which is no front.
function front(indices, x, y) {
  const cost = i => x.better === "fewer" ? x.values[i] : -x.values[i];
  const gain = i => y.better === "more" ? y.values[i] : -y.values[i];
  const known = indices.filter(i => x.values[i] != null && y.values[i] != null);
  if (known.length < 2) return [];
  known.sort((a, b) => cost(a) - cost(b) || gain(b) - gain(a));
  const kept = [];
  for (const i of known) {
    const last = kept.at(-1);
    if (last === undefined || gain(i) > gain(last) || (gain(i) === gain(last) && cost(i) === cost(last))) kept.push(i);
  }
  return kept;
}

function findFronts() {
  state.fronts = members.map(indices => front(indices, measure[state.x], measure[state.y]));
  state.onFront = new Set(state.fronts.flat());
}

// The row on the front that costs next to what this one does: the one before it, or else the one behind it.
function neighbour(i) {
  const x = measure[state.x], along = state.fronts[sets.codes[i]].filter(j => j !== i);
  const cost = j => x.better === "fewer" ? x.values[j] : -x.values[j];
  return along.findLast(j => cost(j) <= cost(i)) ?? along[0] ?? null;
}

const low = i => measure.accuracy_mean.values[i] - rows.half[i];
const high = i => measure.accuracy_mean.values[i] + rows.half[i];

// Those that could tie: rows of one set and one budget.
const budgets = words.find(each => each.title === "budget")?.codes;
const field = i => `${sets.codes[i]} ${budgets?.[i]}`;
const fields = new Map(every.map(i => [field(i), []]));
for (const i of every) fields.get(field(i)).push(i);

function ties(i) {
  if (rows.half[i] == null) return [];
  return fields.get(field(i))
    .filter(j => j !== i && rows.half[j] != null && low(j) <= high(i) && low(i) <= high(j));
}

// How many rows each ties with, by counting ends of intervals: pairs would be many.
function countTies() {
  const counts = every.map(() => 0);
  for (const indices of fields.values()) {
    const known = indices.filter(i => rows.half[i] != null);
    const lows = known.map(low).sort((a, b) => a - b), highs = known.map(high).sort((a, b) => a - b);
    for (const i of known) counts[i] = below(lows, high(i), true) - below(highs, low(i), false) - 1;
  }
  return counts;
}

function below(sorted, limit, inclusive) {
  let start = 0, end = sorted.length;
  while (start < end) {
    const middle = (start + end) >> 1;
    if (sorted[middle] < limit || (inclusive && sorted[middle] === limit)) start = middle + 1;
    else end = middle;
  }
  return start;
}
