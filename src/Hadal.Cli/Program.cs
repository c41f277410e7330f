System.Console.WriteLine("hadal");
