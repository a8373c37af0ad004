//! Names from short lists of our own: no person, body or house of these names is meant.

use rand::Rng;
use rand::rngs::StdRng;

use super::random::pick;

const FIRST: [&str; 24] = [
    "Ada", "Bruno", "Carla", "Dario", "Elena", "Fabio", "Gina", "Ivo", "Lidia", "Marco", "Nadia", "Omar", "Pia", "Remo", "Sara", "Tito", "Ugo", "Vera", "Zeno",
    "Noè", "Loredana", "Niccolò", "Mirella", "Saverio",
];
const LAST: [&str; 24] = [
    "Acquabella",
    "Belcolle",
    "Campochiaro",
    "D'Ombra",
    "Erbalunga",
    "Fontelieve",
    "Granoverde",
    "Lumachelli",
    "Montefinto",
    "Nuvolari",
    "Ortolieto",
    "Pietradolce",
    "Quercetani",
    "Rivabianca",
    "Sassolungo",
    "Terralba",
    "Ulivetti",
    "Valdoro",
    "Zaffiretti",
    "Perù",
    "Nespoli",
    "Cardamoni",
    "Ginestri",
    "Lavandai",
];
const EMBLEM: [&str; 24] = [
    "Il Girasole",
    "La Quercia",
    "L'Aquilone",
    "Il Melograno",
    "La Ginestra",
    "L'Arcobaleno",
    "Il Sentiero",
    "La Rondine",
    "Il Faro",
    "La Sorgente",
    "Il Mandorlo",
    "L'Approdo",
    "Il Ponte",
    "La Lucciola",
    "L'Ulivo",
    "Il Bruco",
    "La Coccinella",
    "Il Grillo",
    "La Chiocciola",
    "Il Pettirosso",
    "La Città dei Perché",
    "Il Rifugio Felice",
    "L'Età Serena",
    "La Bontà",
];
const STREET: [&str; 16] = [
    "Via dei Girasoli",
    "Via del Mulino",
    "Viale delle Querce",
    "Via della Fontana",
    "Piazza dell'Orologio",
    "Via delle Ginestre",
    "Via Vecchia",
    "Vicolo della Libertà",
    "Via dei Mandorli",
    "Via San Rocco",
    "Largo della Fiera",
    "Via del Belvedere",
    "Via della Stazione",
    "Contrada Colle Alto",
    "Via delle Mura",
    "Via dell'Unità",
];
const BODY: [&str; 6] = ["Cooperativa sociale", "Associazione", "Fondazione", "Consorzio", "Opera", "Società"];

const WOMEN: [&str; 30] = [
    "Ada",
    "Carla",
    "Elena",
    "Gina",
    "Lidia",
    "Nadia",
    "Pia",
    "Sara",
    "Vera",
    "Loredana",
    "Mirella",
    "Dora",
    "Fulvia",
    "Ginevra",
    "Isotta",
    "Lavinia",
    "Norma",
    "Olga",
    "Petra",
    "Rosalba",
    "Selvaggia",
    "Tullia",
    "Viola",
    "Zelinda",
    "Benedetta",
    "Donatella",
    "Filomena",
    "Mafalda",
    "Raffaella",
    "Clotilde",
];
const MEN: [&str; 30] = [
    "Bruno",
    "Dario",
    "Fabio",
    "Ivo",
    "Marco",
    "Omar",
    "Remo",
    "Tito",
    "Ugo",
    "Zeno",
    "Noè",
    "Niccolò",
    "Saverio",
    "Amedeo",
    "Corrado",
    "Ettore",
    "Fulgenzio",
    "Gaspare",
    "Leandro",
    "Manlio",
    "Oreste",
    "Prospero",
    "Quirino",
    "Ruggero",
    "Silvano",
    "Terenzio",
    "Valerio",
    "Bartolomeo",
    "Ferruccio",
    "Lodovico",
];
/// Surnames of our own.
const SURNAMES: [&str; 48] = [
    "Acquabella",
    "Acquadolce",
    "Belcolle",
    "Belfaggio",
    "Bosconero",
    "Campochiaro",
    "Campofinto",
    "Collemite",
    "D'Ombra",
    "Doncastagna",
    "Erbalunga",
    "Erbafolta",
    "Fontelieve",
    "Fontenuova",
    "Fossagrande",
    "Granoverde",
    "Granduva",
    "Grottamara",
    "Lagofermo",
    "Lumachelli",
    "Malvabianca",
    "Mirtogrande",
    "Montefinto",
    "Montegaio",
    "Nocedoro",
    "Nuvolari",
    "Olmogentile",
    "Ortolieto",
    "Pianterra",
    "Pietradolce",
    "Pinofresco",
    "Quercetani",
    "Ramoverde",
    "Rivabianca",
    "Rocciafonda",
    "Sassolungo",
    "Selvachiara",
    "Sorbogrande",
    "Terralba",
    "Terramossa",
    "Torrelieta",
    "Ulivetti",
    "Valdoro",
    "Vallesanta",
    "Ventolieve",
    "Vignafelice",
    "Zaffiretti",
    "Zolfanera",
];

/// First name and surname.
pub fn pair(rng: &mut StdRng, female: bool) -> (&'static str, &'static str) {
    (if female { pick(rng, &WOMEN) } else { pick(rng, &MEN) }, pick(rng, &SURNAMES))
}

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
