//! A table of orders, and errors planted in it.

use std::collections::BTreeMap;

/// Numbers from 0 to 1, the same in every run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d);
        for _ in 0..4 {
            random.next();
        }
        random
    }

    pub fn next(&mut self) -> f64 {
        // Knuth's MMIX constants; the upper bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() * n as f64) as usize
    }
}

/// The text of a table, and where errors are: row and column, with the class.
pub struct Planted {
    pub text: String,
    pub errors: BTreeMap<(usize, String), &'static str>,
}

const COLUMNS: [&str; 10] = ["id", "zip", "city", "state", "status", "phone", "ordered", "quantity", "price", "total"];
const CITIES: [&str; 30] = [
    "Boston", "Albany", "Buffalo", "Denver", "Dallas", "Austin", "Houston", "Phoenix", "Seattle", "Portland", "Chicago", "Detroit",
    "Memphis", "Atlanta", "Orlando", "Tampa", "Miami", "Oakland", "Fresno", "Tucson", "Omaha", "Lincoln", "Boise", "Reno", "Madison",
    "Toledo", "Akron", "Newark", "Trenton", "Camden",
];
const STATES: [&str; 10] = ["MA", "NY", "CO", "TX", "AZ", "WA", "IL", "TN", "GA", "FL"];
const STATUSES: [&str; 5] = ["cancelled", "delivered", "ordered", "returned", "shipped"];

/// So many orders, with about two errors in every hundred cells.
pub fn orders(rows: usize, seed: u64, is_dirty: bool) -> Planted {
    let mut random = Random::new(seed);
    let mut table: Vec<Vec<String>> = (0..rows).map(|row| order(row, &mut random)).collect();
    let mut errors = BTreeMap::new();
    if is_dirty {
        let each = rows * COLUMNS.len() / 50 / 5;
        for class in ["typo", "swap", "dependency", "missing", "format"] {
            for _ in 0..each {
                plant(class, &mut table, &mut errors, &mut random);
            }
        }
    }
    let lines = table.iter().map(|row| row.join(",") + "\n");
    Planted { text: format!("{}\n{}", COLUMNS.join(","), lines.collect::<String>()), errors }
}

fn order(row: usize, random: &mut Random) -> Vec<String> {
    let place = random.below(CITIES.len());
    let quantity = random.below(9) + 1;
    let cents = 199 + random.below(20_000);
    vec![
        (10_000 + row).to_string(),
        format!("{}", 10_007 + place * 2_931),
        CITIES[place].to_owned(),
        STATES[place % STATES.len()].to_owned(),
        STATUSES[random.below(STATUSES.len())].to_owned(),
        format!("{}-{:03}-{:04}", 200 + random.below(700), random.below(1000), random.below(10_000)),
        format!("2026-{:02}-{:02}", random.below(12) + 1, random.below(28) + 1),
        quantity.to_string(),
        format!("{:.2}", cents as f64 / 100.0),
        format!("{:.2}", (cents * quantity) as f64 / 100.0),
    ]
}

fn plant(class: &'static str, table: &mut [Vec<String>], errors: &mut BTreeMap<(usize, String), &'static str>, random: &mut Random) {
    let (row, other) = (random.below(table.len()), random.below(table.len()));
    let among = |columns: &[usize], random: &mut Random| columns[random.below(columns.len())];
    let column = match class {
        "typo" => among(&[2, 4, 5], random),
        "swap" => among(&[1, 2, 4, 5, 6], random),
        "dependency" => among(&[2, 3, 9], random),
        _ => among(&[1, 2, 3, 4, 5, 6, 7, 8, 9], random),
    };
    let second = if column == 3 || class != "swap" { column } else { 3 };
    if [column, second].iter().any(|&at| errors.contains_key(&(row, COLUMNS[at].to_owned()))) {
        return;
    }
    let old = table[row][column].clone();
    let new = match class {
        "typo" => format!("{}{}", &old[..old.len() - 2], if random.next() < 0.5 { "x" } else { "" }),
        "swap" => std::mem::replace(&mut table[row][3], old.clone()),
        "dependency" => table[other][column].clone(),
        "missing" => ["", "N/A"][random.below(2)].to_owned(),
        _ => [old.to_uppercase(), format!(" {old}x"), format!("#{old}"), old.replace('-', "/")][random.below(4)].clone(),
    };
    if new != old {
        table[row][column] = new;
        errors.insert((row, COLUMNS[column].to_owned()), class);
        if second != column {
            errors.insert((row, COLUMNS[second].to_owned()), class);
        }
    }
}
