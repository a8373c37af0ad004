//! Names from short lists of our own: no person, body or house of these names is meant.

use rand::Rng;
use rand::rngs::StdRng;

use super::random::pick;

const FIRST: [&str; 24] = [
    "Ada", "Bruno", "Carla", "Dario", "Elena", "Fabio", "Gina", "Ivo", "Lidia", "Marco", "Nadia", "Omar", "Pia", "Remo", "Sara", "Tito", "Ugo", "Vera", "Zeno", "Noè",
    "Loredana", "Niccolò", "Mirella", "Saverio",
];
const LAST: [&str; 24] = [
    "Acquabella", "Belcolle", "Campochiaro", "D'Ombra", "Erbalunga", "Fontelieve", "Granoverde", "Lumachelli", "Montefinto", "Nuvolari", "Ortolieto", "Pietradolce",
    "Quercetani", "Rivabianca", "Sassolungo", "Terralba", "Ulivetti", "Valdoro", "Zaffiretti", "Perù", "Nespoli", "Cardamoni", "Ginestri", "Lavandai",
];
const EMBLEM: [&str; 24] = [
    "Il Girasole", "La Quercia", "L'Aquilone", "Il Melograno", "La Ginestra", "L'Arcobaleno", "Il Sentiero", "La Rondine", "Il Faro", "La Sorgente", "Il Mandorlo",
    "L'Approdo", "Il Ponte", "La Lucciola", "L'Ulivo", "Il Bruco", "La Coccinella", "Il Grillo", "La Chiocciola", "Il Pettirosso", "La Città dei Perché", "Il Rifugio Felice",
    "L'Età Serena", "La Bontà",
];
const STREET: [&str; 16] = [
    "Via dei Girasoli", "Via del Mulino", "Viale delle Querce", "Via della Fontana", "Piazza dell'Orologio", "Via delle Ginestre", "Via Vecchia", "Vicolo della Libertà",
    "Via dei Mandorli", "Via San Rocco", "Largo della Fiera", "Via del Belvedere", "Via della Stazione", "Contrada Colle Alto", "Via delle Mura", "Via dell'Unità",
];
const BODY: [&str; 6] = ["Cooperativa sociale", "Associazione", "Fondazione", "Consorzio", "Opera", "Società"];

pub fn person(rng: &mut StdRng) -> String {
    format!("{} {}", pick(rng, &FIRST), pick(rng, &LAST))
}

pub fn emblem(rng: &mut StdRng) -> &'static str {
    pick(rng, &EMBLEM)
}

pub fn body(rng: &mut StdRng) -> String {
    format!("{} {}", pick(rng, &BODY), emblem(rng))
}

pub fn address(rng: &mut StdRng) -> String {
    let street = pick(rng, &STREET);
    match rng.random_range(0..10) {
        0 => format!("{street} snc"),
        1 => format!("{street}, {}/A", rng.random_range(1..180)),
        _ => format!("{street} {}", rng.random_range(1..180)),
    }
}

/// Eleven digits of a body's tax code whose check digit is wrong, so that nobody has it.
pub fn tax_code(rng: &mut StdRng) -> String {
    let mut digits: Vec<u32> = (0..10).map(|i| if i < 2 { 0 } else { rng.random_range(0..10) }).collect();
    let sum: u32 = digits.iter().enumerate().map(|(i, d)| if i % 2 == 0 { *d } else { (d * 2) / 10 + (d * 2) % 10 }).sum();
    digits.push(((10 - sum % 10) + 1) % 10);
    digits.iter().map(u32::to_string).collect()
}
