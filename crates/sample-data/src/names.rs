//! First and last names, and how they look in an e-mail address.

/// First names of customers, from the many origins found in Washington State.
#[rustfmt::skip] // one name a line would be 400 lines
pub(crate) const FIRST_NAMES: &[&str] = &[
    "Aaron", "Abigail", "Adriana", "Ahmed", "Aiko", "Aisha", "Alejandro", "Alex", "Alice",
    "Amara", "Amelia", "Amir", "Ana", "Andre", "Angela", "Anika", "Anthony", "Arjun", "Astrid",
    "Ava", "Beatriz", "Benjamin", "Bianca", "Brandon", "Brian", "Camila", "Carlos", "Caroline",
    "Cheng", "Chloe", "Christopher", "Claire", "Connor", "Cristina", "Daniel", "Darius",
    "David", "Deepak", "Diana", "Diego", "Dmitri", "Donna", "Dylan", "Edward", "Elena", "Elias",
    "Elizabeth", "Emeka", "Emily", "Eric", "Esther", "Ethan", "Eva", "Farah", "Fatima", "Felix",
    "Fernando", "Fiona", "Frank", "Gabriel", "Grace", "Gregory", "Gustavo", "Hana", "Hannah",
    "Hassan", "Heather", "Henry", "Hiroshi", "Hugo", "Ian", "Imani", "Ingrid", "Isaac",
    "Isabel", "Ivan", "Jack", "Jamal", "James", "Jasmine", "Javier", "Jennifer", "Jessica",
    "Ji-woo", "Joanna", "John", "Jonas", "José", "Joseph", "Julia", "Kai", "Karen", "Kavya",
    "Keiko", "Kenneth", "Kevin", "Khadija", "Kofi", "Kwame", "Lakshmi", "Lars", "Laura", "Leah",
    "Leila", "Liam", "Linh", "Lucas", "Lucía", "Luis", "Magnus", "Malik", "Marcus", "Maria",
    "Mariana", "Martin", "Mateo", "Maya", "Mei", "Michael", "Miguel", "Min-jun", "Miriam",
    "Mohammed", "Monica", "Nadia", "Naomi", "Natalia", "Nathan", "Ngozi", "Nicole", "Noah",
    "Nora", "Oksana", "Olivia", "Omar", "Oscar", "Patricia", "Patrick", "Paul", "Pedro",
    "Peter", "Priya", "Quinn", "Rachel", "Rafael", "Rebecca", "René", "Robert", "Rosa", "Ruth",
    "Ryan", "Samuel", "Sanjay", "Sara", "Siobhan", "Sofia", "Stephen", "Susan", "Tariq",
    "Teresa", "Thomas", "Tyler", "Victor", "Wei", "William", "Ximena", "Yara", "Yuki", "Yusuf",
    "Zoë",
];

/// Last names of customers, of the same variety.
#[rustfmt::skip] // one name a line would be 400 lines
pub(crate) const LAST_NAMES: &[&str] = &[
    "Abbott", "Abdi", "Abebe", "Adams", "Adeyemi", "Aguilar", "Ahmed", "Ali", "Allen",
    "Alvarez", "Andersen", "Anderson", "Antonov", "Arnold", "Asante", "Ashby", "Bailey",
    "Baker", "Banerjee", "Barnes", "Bauer", "Becker", "Bell", "Bennett", "Berg", "Bergström",
    "Bhatt", "Bianchi", "Bishop", "Black", "Boateng", "Bondarenko", "Boyd", "Brennan", "Brooks",
    "Brown", "Bryant", "Burke", "Butler", "Cabrera", "Campbell", "Cardenas", "Carlson",
    "Carpenter", "Carter", "Castillo", "Chan", "Chandra", "Chang", "Chavez", "Chen", "Cho",
    "Choi", "Christensen", "Chung", "Clark", "Cohen", "Coleman", "Collins", "Contreras", "Cook",
    "Cooper", "Cortez", "Costa", "Cox", "Cruz", "Cunningham", "Dahl", "Das", "Davis",
    "De la Cruz", "De Souza", "Delgado", "Desai", "Diaz", "Dimitrov", "Dixon", "Do", "Donovan",
    "Duncan", "Edwards", "Eriksen", "Espinoza", "Evans", "Farah", "Feldman", "Fernandez",
    "Fischer", "Fitzgerald", "Flores", "Foster", "Fraser", "Friedman", "Fujimoto", "Gallagher",
    "Garcia", "Gebre", "Gibson", "Gill", "Gomez", "Gonzalez", "Gordon", "Graham", "Grant",
    "Greene", "Griffin", "Gupta", "Gutierrez", "Hall", "Hamilton", "Hansen", "Hardy", "Harris",
    "Hassan", "Hayashi", "Hayes", "Henderson", "Hernandez", "Herrera", "Hill", "Ho", "Hoffman",
    "Holm", "Hong", "Howard", "Huang", "Hughes", "Hunter", "Hussein", "Huynh", "Ibrahim", "Ito",
    "Ivanov", "Iyer", "Jackson", "James", "Jansen", "Jenkins", "Jensen", "Jimenez", "Johansson",
    "Johnson", "Jones", "Joshi", "Kamau", "Kang", "Kaplan", "Kapoor", "Kaur", "Kelly",
    "Kennedy", "Khan", "Kim", "King", "Klein", "Kobayashi", "Kowalski", "Kruger", "Kumar",
    "Kuznetsov", "Lam", "Larsen", "Lee", "Leon", "Levy", "Lewis", "Li", "Lim", "Lin",
    "Lindgren", "Liu", "Lopez", "Luna", "Lund", "Ly", "Ma", "MacDonald", "Malik", "Marino",
    "Martinez", "Mason", "Matsuda", "Mbeki", "McBride", "McCarthy", "McKenzie", "Medina",
    "Mehta", "Mendoza", "Meyer", "Miller", "Mitchell", "Mohamed", "Molina", "Moore", "Morales",
    "Moreau", "Morgan", "Mori", "Morris", "Mueller", "Muñoz", "Murphy", "Mwangi", "Nair",
    "Nakamura", "Navarro", "Nelson", "Newman", "Ng", "Nguyen", "Nielsen", "Nkosi", "Novak",
    "Nowak", "O'Brien", "O'Connor", "O'Donnell", "O'Neill", "Okafor", "Okonkwo", "Olsen",
    "Olson", "Omar", "Ortega", "Ortiz", "Osei", "Owens", "Palmer", "Park", "Parker", "Patel",
    "Pereira", "Perez", "Perry", "Petersen", "Petrov", "Pham", "Phan", "Phillips", "Popov",
    "Powell", "Price", "Qureshi", "Ramirez", "Ramos", "Rao", "Reddy", "Reid", "Reyes",
    "Richardson", "Rivera", "Roberts", "Robinson", "Rodriguez", "Romero", "Rosenberg", "Ross",
    "Rossi", "Ruiz", "Russell", "Ryan", "Saito", "Salazar", "Sanchez", "Sandoval", "Santos",
    "Sato", "Schmidt", "Schneider", "Schultz", "Scott", "Sharma", "Shaw", "Shevchenko", "Silva",
    "Simmons", "Singh", "Smirnov", "Smith", "Sokolov", "Soto", "Stewart", "Sullivan", "Suzuki",
    "Svensson", "Takahashi", "Tanaka", "Tesfaye", "Thomas", "Thompson", "Tran", "Tucker",
    "Turner", "Vargas", "Vasquez", "Vega", "Walker", "Wallace", "Wang", "Watanabe", "Watson",
    "Weber", "White", "Williams", "Wilson", "Wong", "Wood", "Wright", "Wu", "Yamamoto", "Yang",
    "Yilmaz", "Young", "Zhang", "Zhou",
];

/// Appends the letters of a name in lower-case ASCII, without spaces, hyphens and apostrophes.
pub(crate) fn push_ascii_letters(name: &str, out: &mut String) {
    for letter in name.chars() {
        let plain = match letter {
            'á' | 'ä' | 'å' => 'a',
            'é' | 'ë' => 'e',
            'í' => 'i',
            'ñ' => 'n',
            'ó' | 'ö' | 'ø' => 'o',
            'ú' | 'ü' => 'u',
            other => other.to_ascii_lowercase(),
        };
        if plain.is_ascii_lowercase() {
            out.push(plain);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FIRST_NAMES, LAST_NAMES, push_ascii_letters};

    #[test]
    fn lists_have_no_repeats_and_are_long_enough() {
        for (names, least) in [(FIRST_NAMES, 150), (LAST_NAMES, 250)] {
            assert!(names.len() >= least);
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        }
    }

    #[test]
    fn every_letter_of_every_name_has_an_ascii_form() {
        for name in FIRST_NAMES.iter().chain(LAST_NAMES) {
            let mut ascii = String::new();
            push_ascii_letters(name, &mut ascii);
            let letters = name.chars().filter(|c| !matches!(c, ' ' | '-' | '\'')).count();
            assert_eq!(ascii.len(), letters, "{name}");
        }
    }

    #[test]
    fn accents_and_apostrophes_are_folded() {
        let mut ascii = String::new();
        push_ascii_letters("De la O'Muñoz-Bergström", &mut ascii);
        assert_eq!(ascii, "delaomunozbergstrom");
    }
}
