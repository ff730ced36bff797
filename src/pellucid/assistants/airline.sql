-- FlightAI: cities with the price of a return ticket in dollars, today's flights, bookings.

create table cities (
    city text primary key,
    price integer not null
) strict;

create table flights (
    number text primary key,
    city text not null references cities,
    departs text not null,
    status text not null
) strict;

create table bookings (
    number integer primary key,
    city text not null references cities,
    flight text not null references flights,
    price integer not null,
    cancelled integer not null default 0
) strict;

insert into cities (city, price) values
    ('Amsterdam', 549), ('Athens', 629), ('Berlin', 499), ('Cairo', 879), ('Copenhagen', 569),
    ('Dublin', 459), ('Istanbul', 699), ('Lisbon', 519), ('London', 799), ('Madrid', 529),
    ('Mumbai', 1099), ('New York', 949), ('Paris', 899), ('Prague', 479), ('Reykjavik', 659),
    ('Rome', 589), ('São Paulo', 1249), ('Sydney', 1699), ('Tokyo', 1400), ('Vienna', 509);

insert into flights (number, city, departs, status) values
    ('FA101', 'Amsterdam', '07:10', 'on time'), ('FA104', 'Athens', '09:45', 'on time'),
    ('FA107', 'Berlin', '06:30', 'boarding'), ('FA110', 'Cairo', '13:20', 'on time'),
    ('FA113', 'Copenhagen', '08:05', 'on time'), ('FA116', 'Dublin', '11:50', 'delayed by 40 minutes'),
    ('FA119', 'Istanbul', '15:15', 'on time'), ('FA122', 'Lisbon', '16:40', 'on time'),
    ('FA125', 'London', '08:15', 'on time'), ('FA128', 'Madrid', '12:25', 'cancelled'),
    ('FA131', 'Mumbai', '21:30', 'on time'), ('FA134', 'New York', '10:55', 'on time'),
    ('FA137', 'Paris', '07:40', 'delayed by 25 minutes'), ('FA140', 'Prague', '17:05', 'on time'),
    ('FA143', 'Reykjavik', '14:10', 'on time'), ('FA146', 'Rome', '09:00', 'on time'),
    ('FA149', 'São Paulo', '22:45', 'on time'), ('FA152', 'Sydney', '20:20', 'on time'),
    ('FA155', 'Tokyo', '11:05', 'on time'), ('FA158', 'Vienna', '18:30', 'on time');
