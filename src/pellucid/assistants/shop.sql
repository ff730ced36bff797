-- A clothes shop's catalogue: prices in dollars before the sale.

create table clothes (
    item text primary key,
    kind text not null,
    price integer not null,
    percent_off integer not null
) strict;

insert into clothes (item, kind, price, percent_off) values
    ('straw hat', 'hat', 40, 60), ('felt hat', 'hat', 60, 60), ('sun hat', 'hat', 30, 60),
    ('baseball cap', 'hat', 20, 60), ('beanie', 'hat', 25, 60),
    ('trainers', 'shoes', 80, 50), ('leather boots', 'shoes', 150, 50),
    ('sandals', 'shoes', 50, 50), ('cotton shirt', 'shirt', 44, 50), ('silk shirt', 'shirt', 90, 50),
    ('summer dress', 'dress', 70, 50), ('jeans', 'trousers', 64, 50),
    ('wool jumper', 'jumper', 84, 50), ('rain coat', 'coat', 120, 50),
    ('socks', 'socks', 8, 0), ('gift card', 'gift card', 50, 0);
