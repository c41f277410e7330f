using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace Hadal.Server.Tenants;

/// <summary>The keys that requests may have. Keys are compared by their hashes, in a time that tells nothing of them.</summary>
internal sealed class KeyRing
{
    // Hashes have one length, so that the comparison tells nothing of a key's.
    private readonly List<(byte[] Hash, Tenant Tenant)> _keys = [];

    /// <param name="options">The server's own key, and the file of the tenants'.</param>
    /// <exception cref="OptionsValidationException">The file can't be read or is not as it must be, or a key stands twice.</exception>
    public KeyRing(HadalOptions options)
    {
        if (options.ApiKeysFile is { } file)
            _keys.AddRange(TenantFile.Read(file));
        if (options.ApiKey is not { } key)
            return;
        if (Find(key) is { } tenant)
            throw new OptionsValidationException(
                HadalOptions.Section,
                typeof(HadalOptions),
                [
                    $"{HadalOptions.Section}:{nameof(HadalOptions.ApiKey)} is the key '{tenant.Name}' of {options.ApiKeysFile}; take another",
                ]
            );
        _keys.Add((Hash(key), IsOpen ? Tenant.Sole : Tenant.Operator));
    }

    /// <summary>Whether anybody may ask, as there are no keys.</summary>
    public bool IsOpen => _keys.Count == 0;

    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>Whose key it is; null where it is nobody's.</summary>
    public Tenant? Find(string key)
    {
        byte[] hash = Hash(key);
        Tenant? found = null;
        // All of them, whether it was found or not.
        foreach ((byte[] other, Tenant tenant) in _keys)
        {
            if (CryptographicOperations.FixedTimeEquals(hash, other))
                found = tenant;
        }
        return found;
    }
}
